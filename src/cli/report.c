/* report.c - one lock around stderr. Any thread may log; the view and the line of progress are never torn. */
#include "cli/report.h"

#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_CHARS = 520, LINE_CHARS = 600, N_KEPT = 16 };

static struct {
    pthread_mutex_t lock;
    bool is_journal, has_view, has_progress;
    char notice[LINE_CHARS];
    char kept[N_KEPT][LINE_CHARS];  /* messages that wait for the view's end, the newest last */
    int  n_kept;
} report = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* systemd sets JOURNAL_STREAM=device:inode of the stream it gave; a redirected stderr is another one. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;

    return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
           dev == (unsigned long long)st.st_dev && ino == (unsigned long long)st.st_ino;
}

static void keep(const char *line)
{
    if (report.n_kept == N_KEPT) {
        memmove(report.kept[0], report.kept[1], sizeof report.kept - sizeof report.kept[0]);
        report.n_kept--;
    }
    snprintf(report.kept[report.n_kept++], LINE_CHARS, "%s", line);
}

static void print_line(em_log_level level, const char *line)
{
    static const char *const priority[] = { "<3>", "<4>", "<6>", "<7>" };
    static const char *const word[] = { "", "warning: ", "", "" };
    char clean[TEXT_CHARS], whole[LINE_CHARS];

    em_text_clean(clean, sizeof clean, line);
    snprintf(whole, sizeof whole, "%searmark: %s%s", report.is_journal ? priority[level] : "",
             report.is_journal ? "" : word[level], clean);
    pthread_mutex_lock(&report.lock);
    if (report.has_view) {
        snprintf(report.notice, sizeof report.notice, "%s", clean);
        keep(whole);
    } else {
        fprintf(stderr, "%s%s\n", report.has_progress ? "\r\x1b[K" : "", whole);
        report.has_progress = false;
    }
    pthread_mutex_unlock(&report.lock);
}

static void handle(void *ctx, em_log_level level, const char *line)
{
    (void)ctx;
    print_line(level, line);
}

void em_report_init(em_log_level most)
{
    report.is_journal = is_journal();
    em_log_set(handle, NULL, most);
}

void em_report_error(const char *sentence)
{
    print_line(EM_LOG_ERROR, sentence);
}

void em_report_view(bool has_view)
{
    pthread_mutex_lock(&report.lock);
    report.has_view = has_view && isatty(STDERR_FILENO);
    for (int i = 0; !report.has_view && i < report.n_kept; i++)
        fprintf(stderr, "%s\n", report.kept[i]);
    if (!report.has_view)
        report.n_kept = 0;
    pthread_mutex_unlock(&report.lock);
}

void em_report_notice(void *ctx, char *out, size_t room)
{
    (void)ctx;
    pthread_mutex_lock(&report.lock);
    snprintf(out, room, "%s", report.notice);
    pthread_mutex_unlock(&report.lock);
}

void em_report_progress(const char *line)
{
    char clean[LINE_CHARS];

    if (!isatty(STDERR_FILENO))
        return;
    pthread_mutex_lock(&report.lock);
    if (*line || report.has_progress)
        fprintf(stderr, "\r%.79s\x1b[K", em_text_clean(clean, sizeof clean, line));
    report.has_progress = *line != '\0';
    pthread_mutex_unlock(&report.lock);
}

void em_report_record(const char *line)
{
    pthread_mutex_lock(&report.lock);
    fputs(line, stderr);
    pthread_mutex_unlock(&report.lock);
}
