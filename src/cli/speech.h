/* speech.h - which classes are people who speak, and whether a model knows them: for --private. */
#ifndef EM_CLI_SPEECH_H
#define EM_CLI_SPEECH_H

#include "lib/known.h"
#include "model/model.h"

/* *out, [n_classes], which the caller frees: AudioSet's Speech and all below it but the synthesizer, and Shout, Whispering, Chatter and
 * Hubbub, speech noise, speech babble, by the names that the model's own file gives its classes, or by those of `names`.
 * EM_EINVAL: the model's file does not say that it was trained on Speech; the sentence names `name`. EM_ENOMEM. On error *out is NULL. */
em_status em_speech_find(bool **out, const em_model *model, const em_classes *names, const char *name, em_err *err);

#endif
