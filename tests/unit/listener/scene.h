/* scene.h - made-up score streams with known answers: sounds at known times, as a head with time slots would score them,
 * and what a detector tells of them. The scores of a window depend on the sounds in it alone. */
#ifndef EM_TESTS_SCENE_H
#define EM_TESTS_SCENE_H

#include "check.h"

#include "listener/detector.h"

enum { RATE = 32000, WINDOW = 320000, SLOTS = 32, CLASSES = 8, MOST_TOLD = 512, MOST_SKIPPED = 2 };

/* Of these classes. */
enum { DOG, BARK, RAIN, SPEECH, SIREN, BUZZER, TICK, ANIMAL };

/* Seconds between hops that promises are kept at. */
enum { N_STEPS = 4 };
extern const double steps[N_STEPS];

typedef struct sound { int i_class; double from, to; float score; } sound;

typedef struct stretch_s { double from, to; } stretch_s;

typedef struct told {               /* copies */
    em_detection_type type;
    char   id[EM_EVENT_ID_CHARS];
    int    i_class, i_group;
    double onset_s, offset_s, told_s, res_s;
    float  score, mean;
} told;

typedef struct scene {
    const sound *sounds;
    int       n_sounds;
    double    step_s, seconds;      /* hops at every step, and one at the end                              */
    stretch_s skipped[MOST_SKIPPED];    /* hops that end in these are left out                             */
    stretch_s believed;             /* class 1: only by hops in these seconds, behind its sound's onset    */
    const sound *loud;              /* [n_loud] when it is 30 dB louder                                    */
    int       n_loud;               /* 0: levels are unknown                                               */
    double    silent_from;          /* hops behind it say that nothing of them was sound; 0: none          */
    em_detector_cfg cfg;
    em_sound_cfg classes[CLASSES];
    double    look_at_s;            /* behind the hop that ends there                                      */
    em_look   looks[CLASSES];
    told      told[MOST_TOLD];      /* all that was told                                                   */
    int       n_told;
    told      events[MOST_TOLD];    /* of these the ENDs                                                   */
    int       n_events;
} scene;

/* A scene of one second's step, every class as em_sound_default has it, but with gaps of half a second. */
void scene_init(scene *s, const sound *sounds, int n_sounds, double seconds);

/* A bark is a dog's, and a dog an animal. */
void scene_use_ontology(scene *s);

void scene_run(scene *s);

/* The only event of a class (-1: of all); fails when there is another number. */
const told *scene_only(const scene *s, int i_class);

/* From when to when it is, to within collar; step is for the message. */
void check_times(const told *t, double from, double to, double collar, double step);

int scene_count(const scene *s, int i_class, em_detection_type type);

#endif
