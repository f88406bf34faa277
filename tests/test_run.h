/* Running one suite as a program of its own. */
#ifndef TESTS_TEST_RUN_H
#define TESTS_TEST_RUN_H

#include <check.h>
#include <stdlib.h>

/* The exit status of a test program. Check prints what failed, and the totals. */
static inline int test_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
