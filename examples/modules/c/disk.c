// The module `disk` in C. What each method does is said in `../wit/disk.wit`.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module.h" // made from the WIT

typedef exports_example_disk_disk_entry_t entry_t;
typedef exports_example_disk_disk_report_t report_t;
typedef exports_example_disk_disk_disk_error_t disk_error_t;

// Texts that grow in number.
typedef struct {
    char **items;
    size_t count;
} texts_t;

static void push(texts_t *texts, char *item) {
    texts->items = realloc(texts->items, (texts->count + 1) * sizeof(char *));
    if (!texts->items || !item) abort();
    texts->items[texts->count++] = item;
}

static char *text(const char *format, const char *first, const char *second) {
    char *result;
    return asprintf(&result, format, first, second) < 0 ? NULL : result;
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Adds the files of one folder to `entry`, and the folders in it to `waiting`. A folder counts whole or, where its
// names cannot be read to the end, not at all.
static bool add(const char *folder, entry_t *entry, texts_t *waiting) {
    DIR *stream = opendir(folder);
    if (!stream) return false;
    texts_t paths = {0};
    struct dirent *item;
    while (errno = 0, (item = readdir(stream))) {
        if (!strcmp(item->d_name, ".") || !strcmp(item->d_name, "..")) continue;
        push(&paths, text("%s/%s", folder, item->d_name));
    }
    bool whole = errno == 0;
    closedir(stream);
    for (size_t i = 0; whole && i < paths.count; i++) {
        struct stat about;
        // What has gone since its name was read does not count.
        if (lstat(paths.items[i], &about)) continue;
        if (S_ISDIR(about.st_mode)) {
            push(waiting, strdup(paths.items[i]));
        } else if (S_ISREG(about.st_mode)) {
            entry->files++;
            entry->bytes += about.st_size;
        }
    }
    for (size_t i = 0; i < paths.count; i++) free(paths.items[i]);
    free(paths.items);
    return whole;
}

static bool fail(disk_error_t *err, uint8_t tag, const char *path) {
    err->tag = tag;
    if (path) module_string_dup(&err->val.not_found, path);
    return false;
}

// How far the job is.
static void progress(uint64_t done, uint64_t total, const char *note) {
    module_string_t text;
    module_string_set(&text, note);
    minion_job_job_progress(done, total, &text);
}

// Adds up what is below one path, reporting each folder before it is looked into as progress, where there is a total to
// report. Ends early when the job is cancelled.
static bool measure(const char *path, uint64_t done, uint64_t total, entry_t *entry, texts_t *warnings,
                    disk_error_t *err) {
    struct stat about;
    if (*path != '/' || stat(path, &about)) return fail(err, EXPORTS_EXAMPLE_DISK_DISK_DISK_ERROR_NOT_FOUND, path);
    if (!S_ISDIR(about.st_mode)) return fail(err, EXPORTS_EXAMPLE_DISK_DISK_DISK_ERROR_NOT_A_FOLDER, path);
    texts_t waiting = {0};
    push(&waiting, strdup(path));
    while (waiting.count) {
        if (minion_job_job_cancelled()) return fail(err, EXPORTS_EXAMPLE_DISK_DISK_DISK_ERROR_CANCELLED, NULL);
        char *folder = waiting.items[--waiting.count];
        if (total) progress(done, total, folder);
        if (!add(folder, entry, &waiting)) push(warnings, text("cannot read \"%s%s\"", folder, ""));
        free(folder);
    }
    free(waiting.items);
    return true;
}

void exports_example_disk_disk_greet(module_string_t *name, module_string_t *ret) {
    char *greeting;
    if (asprintf(&greeting, "hello, %.*s", (int)name->len, name->ptr) < 0) abort();
    module_string_set(ret, greeting); // freed by the caller
}

bool exports_example_disk_disk_usage(module_list_string_t *paths, uint64_t *maybe_threshold, report_t *ret,
                                     disk_error_t *err) {
    texts_t warnings = {0};
    bool over = false;
    report_t report = {.entries.ptr = calloc(paths->len, sizeof(entry_t)), .entries.len = paths->len};
    for (size_t i = 0; i < paths->len; i++) {
        entry_t *entry = &report.entries.ptr[i];
        entry->path = paths->ptr[i];
        char *path = strndup((char *)entry->path.ptr, entry->path.len);
        if (!measure(path, i, paths->len, entry, &warnings, err)) return false;
        entry->over = maybe_threshold && entry->bytes > *maybe_threshold;
        over |= entry->over;
        report.total += entry->bytes;
        char line[64];
        snprintf(line, sizeof line, ": %llu files, %llu bytes", entry->files, entry->bytes);
        module_string_t message;
        module_string_set(&message, text("%s%s", path, line));
        minion_log_log_write(MINION_LOG_LOG_LEVEL_INFO, &message, &(module_list_tuple2_string_string_t){0});
        module_string_free(&message);
        free(path);
    }
    progress(paths->len, paths->len, "");
    qsort(warnings.items, warnings.count, sizeof(char *), compare);
    report.warnings.len = warnings.count;
    report.warnings.ptr = calloc(warnings.count, sizeof(module_string_t));
    for (size_t i = 0; i < warnings.count; i++) module_string_set(&report.warnings.ptr[i], warnings.items[i]);
    if (over) {
        *err = (disk_error_t){.tag = EXPORTS_EXAMPLE_DISK_DISK_DISK_ERROR_OVER, .val.over = report};
        return false;
    }
    *ret = report;
    return true;
}

bool exports_example_disk_disk_watch(module_string_t *path, uint64_t bytes, uint64_t *ret, disk_error_t *err) {
    char *folder = strndup((char *)path->ptr, path->len);
    for (;;) {
        entry_t entry = {0};
        texts_t warnings = {0};
        if (!measure(folder, 0, 0, &entry, &warnings, err)) return false;
        progress(entry.bytes, bytes, folder);
        *ret = entry.bytes;
        if (entry.bytes >= bytes) return true;
        usleep(100000);
    }
}

void exports_example_disk_disk_explode(module_string_t *message) {
    fprintf(stderr, "%.*s\n", (int)message->len, message->ptr);
    abort();
}

void exports_example_disk_disk_spin(void) {
    for (;;) {
    }
}
