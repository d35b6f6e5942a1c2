/* log.h - diagnostics for a person, through one handler that the program sets.
 *
 * Libraries call em_log; where the lines go is src/cli's affair (stderr, the journal, nowhere). Any thread
 * may call it; never the audio callback. */
#ifndef EM_BASE_LOG_H
#define EM_BASE_LOG_H

typedef enum em_log_level { EM_LOG_ERROR, EM_LOG_WARNING, EM_LOG_INFO, EM_LOG_DEBUG } em_log_level;

/* Called with one finished line, no newline at its end. May be called from several threads at once. */
typedef void em_log_handler(void *ctx, em_log_level level, const char *line);

/* Sets the handler (NULL: drop everything) and the most talkative level it wants. Call before threads start. */
void em_log_set(em_log_handler *handler, void *ctx, em_log_level most);

void em_log(em_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
