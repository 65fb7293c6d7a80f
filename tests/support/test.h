/* cmocka with the headers it wants before it. */
#ifndef SAT_TESTS_SUPPORT_TEST_H
#define SAT_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif
