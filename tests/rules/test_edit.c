/* Changing one rule in a text: every other byte stays, whatever the file looks like. */
#include "edit.h"
#include "test_run.h"
#include "why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD "managed_domains = [ \"example.com\" ];\n"

/* What is done: 'a'dd at `from`, 'e'dit, 'm'ove to `to`, 'd'elete. */
struct edit_case {
    const char *name;
    const char *before; /* behind HEAD */
    char what;
    size_t from, to;
    struct rule_draft draft;
    const char *after; /* behind HEAD; NULL: refused */
    const char *why;
};

#define LIST(...) ((const char *const[]){__VA_ARGS__})
#define NEW                                                                                        \
    {                                                                                              \
        .managed = LIST("example.com"), .managed_count = 1, .external = LIST("x.test"),            \
        .external_count = 1, .outgoing = "sign"                                                    \
    }
#define NEW_LINE                                                                                   \
    "{ managed = [ \"example.com\" ]; external = [ \"x.test\" ]; outgoing = \"sign\"; }"
#define NEW_LINES(indent, eol)                                                                     \
    indent "{ managed = [ \"example.com\" ];" eol indent "  external = [ \"x.test\" ];" eol indent \
           "  outgoing = \"sign\"; }"
#define RULE(external) "{ managed = [ \"*\" ]; external = [ \"" external "\" ]; }"
#define A RULE("a.test")
#define B RULE("b.test")
#define C RULE("c.test")

static const struct edit_case cases[] = {
    /* add */
    {.name = "add where there is no list",
     .before = "",
     .what = 'a',
     .from = 1,
     .draft = NEW,
     .after = "\nrules = (\n" NEW_LINES("  ", "\n") "\n);\n"},
    {.name = "add where there is no list, no line end, no semicolon",
     .before = "harvest = false",
     .what = 'a',
     .from = 1,
     .draft = NEW,
     .after = "harvest = false\n\nrules = (\n" NEW_LINES("  ", "\n") "\n);\n"},
    {.name = "add where there is no list, behind a comment without a line end",
     .before = "harvest = false; # no",
     .what = 'a',
     .from = 1,
     .draft = NEW,
     .after = "harvest = false; # no\n\nrules = (\n" NEW_LINES("  ", "\n") "\n);\n"},
    {.name = "add above a comment without a line end",
     .before = "rules = (" A "); // no",
     .what = 'a',
     .from = 1,
     .draft = NEW,
     .after = "rules = (" NEW_LINE ", " A "); // no"},
    {.name = "add to the empty list",
     .before = "rules = ( );\n",
     .what = 'a',
     .from = 1,
     .draft = NEW,
     .after = "rules = (\n" NEW_LINES("  ", "\n") "\n);\n"},
    {.name = "add to the empty list in brackets",
     .before = "rules : []",
     .what = 'a',
     .from = 1,
     .draft = NEW,
     .after = "rules : (\n" NEW_LINES("  ", "\n") "\n)"},
    {.name = "add to the empty list with comments",
     .before = "rules = ( # none ( yet\n  /* , */\n  );\n",
     .what = 'a',
     .from = 7,
     .draft = NEW,
     .after = "rules = ( # none ( yet\n  /* , */\n" NEW_LINES("  ", "\n") "\n  );\n"},
    {.name = "add to the empty list behind a comment",
     .before = "rules = ( /* none */ );\n",
     .what = 'a',
     .from = 1,
     .draft = NEW,
     .after = "rules = ( /* none */ \n" NEW_LINES("  ", "\n") "\n);\n"},
    {.name = "add to the top, above the comment of the first",
     .before = "rules = ( # all\n\t# about a\n\t" A ", # a\n\t" B "\n);\n",
     .what = 'a',
     .from = 1,
     .draft = NEW,
     .after =
         "rules = ( # all\n" NEW_LINES("\t", "\n") ",\n\t# about a\n\t" A ", # a\n\t" B "\n);\n"},
    {.name = "add between, on one line",
     .before = "rules = (" A ", " B ");",
     .what = 'a',
     .from = 2,
     .draft = NEW,
     .after = "rules = (" A ", " NEW_LINE ", " B ");"},
    {.name = "add to the end, on one line",
     .before = "rules = (" A ");",
     .what = 'a',
     .from = 2,
     .draft = NEW,
     .after = "rules = (" A ", " NEW_LINE ");"},
    {.name = "add to the end, behind a comment",
     .before = "rules = (\n    " A " // last, not least\n    # end\n);",
     .what = 'a',
     .from = 99,
     .draft = NEW,
     .after =
         "rules = (\n    " A ", // last, not least\n" NEW_LINES("    ", "\n") "\n    # end\n);"},
    {.name = "add to a file with CRLF",
     .before = "harvest = true;\r\nrules = (\r\n  " A "\r\n);\r\n",
     .what = 'a',
     .from = 2,
     .draft = NEW,
     /* HEAD decides what line ends the file has. */
     .after = "harvest = true;\r\nrules = (\r\n  " A ",\r\n" NEW_LINES("  ", "\n") "\n);\r\n"},
    {.name = "add with quotes",
     .before = "rules = (" A ");",
     .what = 'a',
     .from = 1,
     .draft = {.managed = LIST("\"a b\"@example.com", "example.com"),
               .managed_count = 2,
               .external = LIST("*"),
               .external_count = 1,
               .incoming = "decrypt-always",
               .note = "\"C:\\\", never"},
     .after = "rules = ({ note = \"\\\"C:\\\\\\\", never\"; "
              "managed = [ \"\\\"a b\\\"@example.com\", \"example.com\" ]; external = [ \"*\" ]; "
              "incoming = \"decrypt-always\"; }, " A ");"},
    {.name = "add with choice and TLS",
     .before = "rules = (" A ");",
     .what = 'a',
     .from = 1,
     .draft = {.managed = LIST("example.com"),
               .managed_count = 1,
               .external = LIST("x.test"),
               .external_count = 1,
               .outgoing = "sign",
               .choice = "free",
               .require_tls = "true"},
     .after = "rules = ({ managed = [ \"example.com\" ]; external = [ \"x.test\" ]; outgoing = "
              "\"sign\"; choice = \"free\"; require_tls = true; }, " A ");"},
    {.name = "add a choice that is none",
     .before = "rules = (" A ");",
     .what = 'a',
     .from = 1,
     .draft = {.managed = LIST("*"),
               .managed_count = 1,
               .external = LIST("*"),
               .external_count = 1,
               .choice = "weaken"},
     .why = "allowed are undefined, none, strengthen, free"},
    {.name = "edit choice and TLS",
     .before = "rules = ({ managed = [ \"*\" ]; external = [ \"*\" ]; require_tls = TRUE; "
               "choice = \"none\" });",
     .what = 'e',
     .from = 1,
     .draft = {.choice = "strengthen", .require_tls = "false"},
     .after = "rules = ({ managed = [ \"*\" ]; external = [ \"*\" ]; require_tls = false; "
              "choice = \"strengthen\" });"},
    {.name = "edit TLS in",
     .before = "rules = (\n  { managed = [ \"*\" ];\n    external = [ \"*\" ]; });",
     .what = 'e',
     .from = 1,
     .draft = {.require_tls = "true"},
     .after = "rules = (\n  { managed = [ \"*\" ];\n    external = [ \"*\" ];\n    require_tls = "
              "true; });"},
    {.name = "edit TLS and note out, a choice in",
     .before = "rules = ({ managed = [ \"*\" ]; external = [ \"*\" ]; note = \"n\"; "
               "require_tls = true; });",
     .what = 'e',
     .from = 1,
     .draft = {.require_tls = "undefined", .note = "", .choice = "free"},
     .after = "rules = ({ managed = [ \"*\" ]; external = [ \"*\" ]; choice = \"free\"; });"},
    {.name = "add with a profile",
     .before = "rules = (" A ");",
     .what = 'a',
     .from = 1,
     .draft = {.managed = LIST("example.com"),
               .managed_count = 1,
               .external = LIST("x.test"),
               .external_count = 1,
               .profile = "edi-energy"},
     .after = "rules = ({ managed = [ \"example.com\" ]; external = [ \"x.test\" ]; profile = "
              "\"edi-energy\"; }, " A ");"},
    {.name = "edit a profile",
     .before = "rules = ({ managed = [ \"*\" ]; profile = \"strict\"; external = [ \"*\" ]; });",
     .what = 'e',
     .from = 1,
     .draft = {.profile = "compatible"},
     .after =
         "rules = ({ managed = [ \"*\" ]; profile = \"compatible\"; external = [ \"*\" ]; });"},
    {.name = "edit a profile, TLS and note out",
     .before = "rules = ({ managed = [ \"*\" ]; note = \"n\"; external = [ \"*\" ]; profile = "
               "\"strict\"; require_tls = true; });",
     .what = 'e',
     .from = 1,
     .draft = {.profile = "", .note = "", .require_tls = "undefined"},
     .after = "rules = ({ managed = [ \"*\" ]; external = [ \"*\" ]; });"},
    {.name = "add a profile that there is not",
     .before = "rules = (" A ");",
     .what = 'a',
     .from = 1,
     .draft = {.managed = LIST("*"),
               .managed_count = 1,
               .external = LIST("*"),
               .external_count = 1,
               .profile = "strikt"},
     .why = "there is no profile of that name"},
    {.name = "edit TLS to nonsense",
     .before = "rules = (" A ");",
     .what = 'e',
     .from = 1,
     .draft = {.require_tls = "yes"},
     .why = "require_tls cannot be"},
    {.name = "add a managed pattern outside",
     .before = "rules = (" A ");",
     .what = 'a',
     .from = 1,
     .draft = {.managed = LIST("other.test"),
               .managed_count = 1,
               .external = LIST("*"),
               .external_count = 1},
     .why = "is not in managed_domains"},
    {.name = "add no pattern",
     .before = "",
     .what = 'a',
     .from = 1,
     .draft = {.managed = LIST("a*@example.com"),
               .managed_count = 1,
               .external = LIST("*"),
               .external_count = 1},
     .why = "not a pattern"},
    {.name = "add an unknown mode",
     .before = "",
     .what = 'a',
     .from = 1,
     .draft = {.managed = LIST("*"),
               .managed_count = 1,
               .external = LIST("*"),
               .external_count = 1,
               .outgoing = "encrypt"},
     .why = "\"encrypt\" is no mode for outgoing mail"},
    {.name = "add a note with a line end",
     .before = "",
     .what = 'a',
     .from = 1,
     .draft = {.managed = LIST("*"),
               .managed_count = 1,
               .external = LIST("*"),
               .external_count = 1,
               .note = "a\nb"},
     .why = "the configuration would be wrong"},
    /* delete */
    {.name = "delete the only one",
     .before = "rules = ( " A " );\n",
     .what = 'd',
     .from = 1,
     .after = "rules = (  );\n"},
    {.name = "delete the first with its comments",
     .before =
         "rules = (\n  # head\n\n  # about a,\n  # and ), more\n  " A ", # a\n  # b\n  " B "\n);\n",
     .what = 'd',
     .from = 1,
     .after = "rules = (\n  # head\n\n  # b\n  " B "\n);\n"},
    {.name = "delete between",
     .before = "rules = (\n  " A ",\n  " B " /* b, */ , // b\n\n  " C "\n);\n",
     .what = 'd',
     .from = 2,
     .after = "rules = (\n  " A ",\n\n  " C "\n);\n"},
    {.name = "delete the last, behind a comment",
     .before = "rules = (\n  " A ", # about a\n  " B " # about b\n  # end\n);\n",
     .what = 'd',
     .from = 2,
     .after = "rules = (\n  " A " # about a\n  # end\n);\n"},
    {.name = "delete the last on one line",
     .before = "rules = (" A ", " B ");",
     .what = 'd',
     .from = 2,
     .after = "rules = (" A ");"},
    {.name = "delete where commas begin lines",
     .before = "rules = (\n    " A "\n  , " B "\n  , " C "\n);\n",
     .what = 'd',
     .from = 3,
     .after = "rules = (\n    " A "\n  , " B "\n  \n);\n"},
    {.name = "delete what is not there",
     .before = "rules = (" A ");",
     .what = 'd',
     .from = 2,
     .why = "there is no rule 2: they have the positions 1 to 1"},
    {.name = "delete from nothing", .before = "", .what = 'd', .from = 1, .why = "there are none"},
    /* move */
    {.name = "move up",
     .before = "rules = (\n  " A ", # a\n  # about b\n  " B ", # b\n  " C "\n);\n",
     .what = 'm',
     .from = 2,
     .to = 1,
     .after = "rules = (\n  # about b\n  " B ", # b\n  " A ", # a\n  " C "\n);\n"},
    {.name = "move the last to the top",
     .before = "rules = (\n\n  # a\n  " A ",\n  " B ",\n  " C "  # c\n\n);\n",
     .what = 'm',
     .from = 3,
     .to = 1,
     .after = "rules = (\n\n  " C ",  # c\n  # a\n  " A ",\n  " B "\n\n);\n"},
    {.name = "move the first to the end",
     .before = "rules = (\n  " A ", # a, )\n  " B ",\n  " C "\n);",
     .what = 'm',
     .from = 1,
     .to = 3,
     .after = "rules = (\n  " B ",\n  " C ",\n  " A " # a, )\n);"},
    {.name = "move down by one to the end, bracket behind it",
     .before = "rules = (\n  " A ",\n  " B " );",
     .what = 'm',
     .from = 1,
     .to = 2,
     .after = "rules = (\n  " B ",\n  " A "\n );"},
    {.name = "move on one line",
     .before = "rules = (" A ", " B ", /* c */ " C ");",
     .what = 'm',
     .from = 3,
     .to = 1,
     .after = "rules = (/* c */ " C ", " A ", " B ");"},
    {.name = "move to the end on one line",
     .before = "rules = (" A ", " B ");",
     .what = 'm',
     .from = 1,
     .to = 2,
     .after = "rules = (" B ", " A ");"},
    {.name = "move nowhere",
     .before = "rules = (" A ", " B ");",
     .what = 'm',
     .from = 2,
     .to = 2,
     .after = "rules = (" A ", " B ");"},
    {.name = "move between lines and one line",
     .before = "rules = ( " A ", // a\n" B ", " C " // c\n);",
     .what = 'm',
     .from = 3,
     .to = 1,
     .after = "rules = ( " C ", // c\n" A ", // a\n" B "\n);"},
    {.name = "move too far",
     .before = "rules = (" A ");",
     .what = 'm',
     .from = 1,
     .to = 2,
     .why = "there is no rule 2"},
    /* edit */
    {.name = "edit a value",
     .before = "rules = (\n  { managed /* ] */ = [ \"*\", // }\n \"example.com\" ];\n    "
               "external = (\"*\"); outgoing : \"no\" \n\"ne\" } # end\n);",
     .what = 'e',
     .from = 1,
     .draft = {.managed = LIST("a@example.com"), .managed_count = 1, .outgoing = "sign"},
     .after = "rules = (\n  { managed /* ] */ = [ \"a@example.com\" ];\n    "
              "external = (\"*\"); outgoing : \"sign\" } # end\n);"},
    {.name = "edit adds members below the last",
     .before = "rules = (\n  { managed = [ \"*\" ];\n    external = [ \"*\" ] # all\n  });",
     .what = 'e',
     .from = 1,
     .draft = {.incoming = "none", .outgoing = "none", .note = "n"},
     .after = "rules = (\n  { managed = [ \"*\" ];\n    external = [ \"*\" ]; # all\n    "
              "incoming = \"none\";\n    outgoing = \"none\";\n    note = \"n\";\n  });"},
    {.name = "edit adds a member before the bracket",
     .before = "rules = (\n  { managed = [ \"*\" ];\n    external = [ \"*\" ] });",
     .what = 'e',
     .from = 1,
     .draft = {.incoming = "none", .outgoing = "none"},
     .after = "rules = (\n  { managed = [ \"*\" ];\n    external = [ \"*\" ];\n    incoming = "
              "\"none\";\n    outgoing = \"none\"; });"},
    {.name = "edit adds a member on one line",
     .before = "rules = (" A ", " B ");",
     .what = 'e',
     .from = 2,
     .draft = {.outgoing = "sign"},
     .after = "rules = (" A ", { managed = [ \"*\" ]; external = [ \"b.test\" ]; outgoing = "
              "\"sign\"; });"},
    {.name = "edit removes the note",
     .before =
         "rules = (\n  { note = \"a;b\";\n    managed = [ \"*\" ];\n    external = [ \"*\" ]; "
         "}\n);",
     .what = 'e',
     .from = 1,
     .draft = {.note = ""},
     .after = "rules = (\n  { managed = [ \"*\" ];\n    external = [ \"*\" ]; }\n);"},
    {.name = "edit removes the note, which is last, and adds a mode",
     .before = "rules = (\n  { managed = [ \"*\" ];\n    external = [ \"*\" ];\n    note = \"n\" "
               "}\n);",
     .what = 'e',
     .from = 1,
     .draft = {.note = "", .outgoing = "sign"},
     .after = "rules = (\n  { managed = [ \"*\" ];\n    external = [ \"*\" ];\n    outgoing = "
              "\"sign\";\n    }\n);"},
    {.name = "edit removes no note",
     .before = "rules = (" A ");",
     .what = 'e',
     .from = 1,
     .draft = {.note = ""},
     .after = "rules = (" A ");"},
    {.name = "edit what is not there",
     .before = "rules = (" A ");",
     .what = 'e',
     .from = 0,
     .draft = {.note = "x"},
     .why = "there is no rule 0"},
    {.name = "a list behind other groups and commas in strings",
     .before = "sender_logins = ( { login = \"rules = ( {\"; addresses = [ \"*\" ]; } );\n"
               "rules = (\n  { note = \"a, } ) # b\"; managed = [ \"*\" ]; external = [ \"a.test\" "
               "]; },\n  " B "\n);\nharvest = true;\n",
     .what = 'd',
     .from = 2,
     .after = "sender_logins = ( { login = \"rules = ( {\"; addresses = [ \"*\" ]; } );\n"
              "rules = (\n  { note = \"a, } ) # b\"; managed = [ \"*\" ]; external = [ \"a.test\" "
              "]; }\n);\nharvest = true;\n"},
};

static char *text_of(const char *behind_head)
{
    char *text = NULL;

    ck_assert_int_gt(asprintf(&text, HEAD "%s", behind_head), 0);
    return text;
}

static struct rules_text *take(const char *text)
{
    struct problems problems = {0};
    struct rules_text *taken = rules_text_take("t", text, strlen(text), &problems);

    ck_assert_msg(taken != NULL, "%s\n%s", problems.count > 0 ? problems.items[0].text : "?", text);
    problems_clear(&problems);
    return taken;
}

static int apply(const struct rules_text *text, const struct edit_case *c, struct rules_change *out,
                 char **why)
{
    switch (c->what) {
    case 'a':
        return rules_text_add(text, &c->draft, c->from, out, why);
    case 'e':
        return rules_text_edit(text, &c->draft, c->from, out, why);
    case 'm':
        return rules_text_move(text, c->from, c->to, out, why);
    default:
        return rules_text_delete(text, c->from, out, why);
    }
}

START_TEST(one_change)
{
    const struct edit_case *c = &cases[_i];
    char *before = text_of(c->before), *after = text_of(c->after ? c->after : "");
    struct rules_text *text = take(before);
    struct rules_change change = {0};
    char *why = NULL;
    int rc = apply(text, c, &change, &why);

    if (c->after) {
        ck_assert_msg(rc == 0, "%s: %s", c->name, why_text(&why));
        ck_assert_msg(strcmp(change.after, after) == 0, "%s:\n%s\nexpected:\n%s", c->name,
                      change.after, after);
        ck_assert_str_eq(change.before, before);
        ck_assert_uint_eq(change.after_length, strlen(after));
    } else {
        ck_assert_msg(rc == -1 && strstr(why_text(&why), c->why), "%s: %s", c->name,
                      why_text(&why));
        ck_assert_ptr_null(change.after);
    }
    rules_change_clear(&change);
    rules_text_free(&text);
    why_free(&why);
    free(before);
    free(after);
}
END_TEST

/* ---- every move in lists that look different ---- */

static const char *const shapes[] = {
    "rules = (\n  " A ",\n  " B ",\n  " C "\n);\n",
    "rules = ( " A ", " B ", " C " );",
    "rules = (" A "," B "," C ")",
    "rules:(\r\n\t" A " ,\r\n\t" B " , # b\r\n\t" C " # c\r\n)\r\n",
    "rules = (\n  " A "\n, " B "\n, " C "\n);",
    "rules = (\n # top\n\n # a1\n # a2\n  " A ", # a\n\n /* b\n\n b */ " B ", /* b\n b */ " C
    " /* c */ );",
    "rules = ( " A ", # a\n" B " # b\n, " C " // c\n # end\n);",
    "rules=(/*0*/" A "/*1*/,/*2*/" B "/*3*/,/*4*/" C "/*5*/)",
};

/* The three rules of `text` in the order that `order` says, and each comment still there. */
static void check_order(const struct rules_change *change, const char *order)
{
    static const char *const rules[] = {A, B, C};
    size_t length = 0;

    for (size_t i = 0; order[i]; i++) {
        const char *rule = rules_text_rule(change->result, i + 1, &length);
        const char *expected = rules[order[i] - 'a'];

        ck_assert_msg(rule && length == strlen(expected) && memcmp(rule, expected, length) == 0,
                      "not %s:\n%s", order, change->after);
    }
    ck_assert_ptr_null(rules_text_rule(change->result, strlen(order) + 1, &length));
}

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;

    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

START_TEST(every_move)
{
    static const char *const orders[3][3] = {
        {"abc", "bac", "bca"}, {"bac", "abc", "acb"}, {"cab", "acb", "abc"}};
    static const char *const comments[] = {"# a", "# b", "# c", "/*", "*/", "//", "# end", "# top"};
    char *text = text_of(shapes[_i]);
    struct rules_text *taken = take(text);

    for (size_t from = 0; from < 3; from++) {
        for (size_t to = 0; to < 3; to++) {
            struct rules_change change = {0};
            char *why = NULL;

            ck_assert_msg(rules_text_move(taken, from + 1, to + 1, &change, &why) == 0,
                          "%zu to %zu: %s\n%s", from, to, why_text(&why), text);
            check_order(&change, orders[from][to]);
            ck_assert_uint_eq(change.position, to + 1);
            for (size_t i = 0; i < sizeof comments / sizeof comments[0]; i++)
                ck_assert_uint_eq(occurrences(change.after, comments[i]),
                                  occurrences(text, comments[i]));
            rules_change_clear(&change);
        }
    }
    rules_text_free(&taken);
    free(text);
}
END_TEST

START_TEST(every_add_and_delete)
{
    static const char *const left[] = {"bc", "ac", "ab"};
    const struct rule_draft draft = NEW;
    char *text = text_of(shapes[_i]);
    struct rules_text *taken = take(text);

    for (size_t i = 0; i < 3; i++) {
        struct rules_change change = {0};
        char *why = NULL;

        ck_assert_msg(rules_text_delete(taken, i + 1, &change, &why) == 0, "%zu: %s\n%s", i,
                      why_text(&why), text);
        check_order(&change, left[i]);
        rules_change_clear(&change);
    }
    for (size_t i = 1; i <= 4; i++) {
        struct rules_change change = {0}, back = {0};
        char *why = NULL;

        ck_assert_msg(rules_text_add(taken, &draft, i, &change, &why) == 0, "%zu: %s\n%s", i,
                      why_text(&why), text);
        ck_assert_uint_eq(rules_text_config(change.result)->rules.count, 4);
        ck_assert_uint_eq(change.position, i);
        ck_assert_msg(rules_text_delete(change.result, i, &back, &why) == 0, "%s\n%s",
                      why_text(&why), change.after);
        check_order(&back, "abc");
        rules_change_clear(&back);
        rules_change_clear(&change);
    }
    rules_text_free(&taken);
    free(text);
}
END_TEST

/* ---- files ---- */

static char directory[] = "/tmp/smimed-edit-XXXXXX";
static const char *const names[] = {"main.conf", "rules.conf", "more.conf"};
#define NAMES (sizeof names / sizeof names[0])

static char *path_of(const char *name)
{
    char *path = NULL;

    ck_assert_int_gt(asprintf(&path, "%s/%s", directory, name), 0);
    return path;
}

static void make_folder(void)
{
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_folder(void)
{
    for (size_t i = 0; i < NAMES; i++) {
        char *path = path_of(names[i]);

        unlink(path);
        free(path);
    }
    rmdir(directory);
}

static const struct file_case {
    const char *name;
    const char *texts[NAMES];
    const char *file;  /* in which the rules stand; NULL: refused */
    const char *after; /* with the new rule at the top */
    const char *why;
} file_cases[] = {
    {"list in an include",
     {HEAD "@include \"more.conf\"\n@include \"rules.conf\"\n", "rules = (" A ");",
      "harvest=true;"},
     "rules.conf",
     "rules = (" NEW_LINE ", " A ");",
     NULL},
    {"rules in an include, brackets outside",
     {HEAD "rules = (\n@include \"rules.conf\"\n);", "# about a\n" A ",\n" B, NULL},
     "rules.conf",
     NEW_LINES("", "\n") ",\n# about a\n" A ",\n" B,
     NULL},
    {"include behind the name",
     {HEAD "rules =\n@include \"rules.conf\"\n;", "(\n" A ")", NULL},
     "rules.conf",
     "(\n" NEW_LINES("", "\n") ",\n" A ")",
     NULL},
    {"no list: the main file",
     {"@include \"more.conf\"", "", HEAD},
     "main.conf",
     "@include \"more.conf\"\n\nrules = (\n" NEW_LINES("  ", "\n") "\n);\n",
     NULL},
    {"include in a comment",
     {HEAD "rules = ( /*\n@include \"rules.conf\"\n */ " A ");", "", NULL},
     "main.conf",
     HEAD "rules = ( " NEW_LINE ", /*\n@include \"rules.conf\"\n */ " A ");",
     NULL},
    {"CRLF",
     {"managed_domains = [ \"example.com\" ];\r\nrules = (\r\n" A "\r\n);\r\n", "", NULL},
     "main.conf",
     "managed_domains = [ \"example.com\" ];\r\nrules = (\r\n" NEW_LINES("", "\r\n") ",\r\n" A
                                                                                     "\r\n);\r\n",
     NULL},
    {"spread over two files",
     {HEAD "rules = (\n@include \"rules.conf\"\n" B ");", A ",", NULL},
     NULL,
     NULL,
     "spread over several files"},
    {"an include inside a rule",
     {HEAD "rules = ( { managed = [ \"*\" ];\n@include \"rules.conf\"\n } );",
      "external = [ \"*\" ];", NULL},
     NULL,
     NULL,
     "spread over several files"},
    {"one file twice",
     {HEAD "rules = (\n@include \"rules.conf\"\n,\n@include \"rules.conf\"\n);", A, NULL},
     NULL,
     NULL,
     "spread over several files"},
};

START_TEST(files)
{
    const struct file_case *c = &file_cases[_i];
    const struct rule_draft draft = NEW;
    struct problems problems = {0};
    struct rules_change change = {0};
    char *path, *why = NULL;
    struct rules_text *text;
    int rc;

    for (size_t i = 0; i < NAMES; i++) {
        FILE *out;

        path = path_of(names[i]);
        out = fopen(path, "w");
        ck_assert_ptr_nonnull(out);
        fputs(c->texts[i] ? c->texts[i] : "", out);
        ck_assert_int_eq(fclose(out), 0);
        free(path);
    }
    path = path_of("main.conf");
    text = rules_text_open(path, &problems);
    ck_assert_msg(text != NULL, "%s: %s", c->name, problems.count ? problems.items[0].text : "?");
    rc = rules_text_add(text, &draft, 1, &change, &why);
    if (c->file) {
        ck_assert_msg(rc == 0, "%s: %s", c->name, why_text(&why));
        ck_assert_str_eq(strrchr(change.file, '/') + 1, c->file);
        ck_assert_msg(strcmp(change.after, c->after) == 0, "%s:\n%s", c->name, change.after);
        ck_assert_int_eq(rules_text_config(change.result)->rules.items[0].outgoing, OUTGOING_SIGN);
    } else {
        ck_assert_msg(rc != 0 && strstr(why_text(&why), c->why), "%s: %s", c->name, why_text(&why));
    }
    rules_change_clear(&change);
    rules_text_free(&text);
    why_free(&why);
    free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("edit");
    TCase *texts = tcase_create("texts");
    TCase *folders = tcase_create("files");

    tcase_add_loop_test(texts, one_change, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_loop_test(texts, every_move, 0, (int)(sizeof shapes / sizeof shapes[0]));
    tcase_add_loop_test(texts, every_add_and_delete, 0, (int)(sizeof shapes / sizeof shapes[0]));
    suite_add_tcase(suite, texts);
    tcase_add_checked_fixture(folders, make_folder, remove_folder);
    tcase_add_loop_test(folders, files, 0, (int)(sizeof file_cases / sizeof file_cases[0]));
    suite_add_tcase(suite, folders);
    return test_run(suite);
}
