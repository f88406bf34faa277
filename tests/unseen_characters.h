/* The characters that a program shows as nothing, by Perl's tables of Unicode and not by GLib's. */
#ifndef TESTS_UNSEEN_CHARACTERS_H
#define TESTS_UNSEEN_CHARACTERS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* Call `try` with each, in UTF-8. */
static inline void unseen_characters_try(void (*try)(const char *character))
{
    FILE *list = popen("perl -CS -e 'for (0 .. 0x10ffff) { my $c = chr; print qq($c\\n) if $c =~ "
                       "/\\p{Default_Ignorable_Code_Point}/ }'",
                       "re");
    char line[16];
    size_t count = 0;
    ck_assert_ptr_nonnull(list);
    while (fscanf(list, "%15s", line) == 1) {
        try(line);
        count++;
    }
    ck_assert_int_eq(pclose(list), 0);
    ck_assert_uint_gt(count, 4000);
}

#endif
