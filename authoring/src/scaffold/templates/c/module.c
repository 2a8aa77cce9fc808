// The module {{name}}. What each method does is said in `wit/module.wit`.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "module.h" // made from the WIT

void exports_my_{{snake}}_{{snake}}_greet(module_string_t *name, module_string_t *ret) {
    size_t size = name->len + sizeof "hello, ";
    char *greeting = malloc(size);
    if (!greeting) abort();
    snprintf(greeting, size, "hello, %.*s", (int)name->len, name->ptr);
    module_string_set(ret, greeting); // freed by the caller
}

uint32_t exports_my_{{snake}}_{{snake}}_count(uint32_t to) {
    module_string_t text;
    module_string_set(&text, "counting");
    for (uint32_t number = 1; number <= to; number++) {
        if (minion_job_job_cancelled()) return number - 1;
        minion_job_job_progress(number, to, &text);
    }
    char message[40];
    snprintf(message, sizeof message, "counted to %" PRIu32, to);
    module_string_set(&text, message);
    minion_log_log_write(MINION_LOG_LOG_LEVEL_INFO, &text, &(module_list_tuple2_string_string_t){0});
    return to;
}

// True means success, with the result in `ret`; false means failure, with the error in `err`.
bool exports_my_{{snake}}_{{snake}}_divide(uint32_t dividend, uint32_t divisor, uint32_t *ret, module_string_t *err) {
    if (divisor == 0) {
        char message[40];
        snprintf(message, sizeof message, "cannot divide %" PRIu32 " by zero", dividend);
        module_string_dup(err, message);
        return false;
    }
    *ret = dividend / divisor;
    return true;
}
