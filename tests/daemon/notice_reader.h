/* Mail as Python's own parser reads it: an oracle for what smimed writes. Header only. */
#ifndef TESTS_DAEMON_NOTICE_READER_H
#define TESTS_DAEMON_NOTICE_READER_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READER_UNUSED __attribute__((unused))

/* Fields decoded, one a line, in order; what kind of text it is; defects that the parser found; an
 * empty line, and the text. */
static const char reader_program[] =
    "import sys, email, email.policy\n"
    "raw = open(sys.argv[1], 'rb').read()\n"
    "m = email.message_from_bytes(raw, policy=email.policy.default)\n"
    "out = [k + ': ' + str(v) for k, v in m.items()]\n"
    "for k in ('From', 'To'):\n"
    "    out.append(k + '-addresses: ' + ' '.join(a.addr_spec for a in m[k].addresses))\n"
    "out.append('type: ' + m.get_content_type() + ' ' + str(m.get_content_charset()))\n"
    "out.append('defects: ' + str(len(m.defects) + sum(len(v.defects) for v in m.values())))\n"
    "out.append('longest: ' + str(max(len(l) for l in raw.split(b'\\r\\n'))))\n"
    "out.append('ascii: ' + str(raw.isascii()))\n"
    "sys.stdout.buffer.write(('\\n'.join(out) + '\\n\\n' + m.get_content().replace('\\r\\n', "
    "'\\n')).encode())\n";

/* What Python says of `text` (CRLF line ends): a new string. */
READER_UNUSED static char *reader_read(const char *text)
{
    char mail[] = "/tmp/smimed-notice.XXXXXX";
    char script[] = "/tmp/smimed-reader.XXXXXX";
    char command[120];
    char *said = calloc(1, 1 << 20);
    FILE *out = fdopen(mkstemp(mail), "w");
    FILE *program = fdopen(mkstemp(script), "w");
    FILE *in;

    ck_assert(said != NULL && out != NULL && program != NULL);
    ck_assert_int_ge(fputs(text, out), 0);
    ck_assert_int_ge(fputs(reader_program, program), 0);
    ck_assert(fclose(out) == 0 && fclose(program) == 0);
    snprintf(command, sizeof command, "python3 %s %s", script, mail);
    in = popen(command, "r");
    ck_assert_ptr_nonnull(in);
    said[fread(said, 1, (1 << 20) - 1, in)] = '\0';
    ck_assert_int_eq(pclose(in), 0);
    unlink(mail);
    unlink(script);
    return said;
}

/* The content that the n-th connection (from 1) to an SMTP server brought, dots taken off: a new
 * string, NULL when none did. `seen` is all that it received. */
READER_UNUSED static char *reader_content(const char *seen)
{
    const char *begin = strstr(seen, "\r\nDATA\r\n");
    const char *end;
    char *text;
    char *put;

    if (begin == NULL || (end = strstr(begin, "\r\n.\r\n")) == NULL)
        return NULL;
    begin += strlen("\r\nDATA\r\n");
    text = calloc(1, (size_t)(end - begin) + 3);
    ck_assert_ptr_nonnull(text);
    put = text;
    for (const char *p = begin; p < end + 2; p++)
        if (*p != '.' || p == begin || p[-1] != '\n')
            *put++ = *p;
    return text;
}

READER_UNUSED static void reader_expect(const char *said, const char *const *wanted)
{
    for (; *wanted; wanted++)
        ck_assert_msg(strstr(said, *wanted) != NULL, "\"%s\" is missing in:\n%s", *wanted, said);
}

#endif
