/* Messages that are hard to make 7-bit, to sign and to encrypt. The body only has its meaning in
 * the tests that include this. */
#ifndef TESTS_SMIME_HARD_CASES_H
#define TESTS_SMIME_HARD_CASES_H

#include <stddef.h>

#include "canonical.h"

struct hard_case {
    const char *name;
    const char *text;
    size_t length;
    enum canonical_result expected;
    const char *has; /* in what comes out; NULL: nothing special */
};

#define CLEAN(name, text, has)                                                                     \
    {                                                                                              \
        name, text, sizeof text - 1, CANONICAL_CLEAN, has                                          \
    }
#define OPAQUE(name, text)                                                                         \
    {                                                                                              \
        name, text, sizeof text - 1, CANONICAL_OPAQUE, NULL                                        \
    }
#define FROM "From: alice@example.com\r\nTo: bob@partner.test\r\nSubject: test\r\n"
#define MIME FROM "MIME-Version: 1.0\r\n"
#define MIXED MIME "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define X100                                                                                       \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxx"
#define X900 X100 X100 X100 X100 X100 X100 X100 X100 X100
#define X98                                                                                        \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxx"
#define X1000 X900 X100
#define SIGNED_PART                                                                                \
    "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"                \
    " micalg=sha-256; boundary=s\r\n\r\n"

static const struct hard_case hard_cases[] = {
    /* clean already */
    CLEAN("plain text", MIME TEXT "\r\nhello\r\n", "\r\n\r\nhello\r\n"),
    CLEAN("no MIME at all", FROM "\r\nhello\r\n", "text/plain; charset=us-ascii\r\n\r\nhello"),
    CLEAN("MIME-Version without Content-Type", MIME "\r\nhello\r\n", "charset=us-ascii"),
    CLEAN("Content-Type without MIME-Version", FROM TEXT "\r\nhello\r\n", "charset=utf-8"),
    CLEAN("empty body", MIME TEXT "\r\n", "charset=utf-8\r\n\r\n"),
    CLEAN("empty body, no MIME", FROM "\r\n", "charset=us-ascii\r\n\r\n"),
    CLEAN("no line end at the end", MIME TEXT "\r\nhello", "\r\n\r\nhello"),
    CLEAN("only line ends", MIME TEXT "\r\n\r\n\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n"),
    CLEAN("dots", MIME TEXT "\r\n.\r\n..\r\n.x\r\n", "\r\n.\r\n..\r\n.x\r\n"),
    CLEAN("lower-case header", FROM "mime-version: 1.0\r\ncontent-type: text/html\r\n\r\n<p>\r\n",
          "content-type: text/html\r\n\r\n<p>"),
    CLEAN("repeated content fields",
          MIME TEXT "Content-Language: de\r\nContent-Language: en\r\ncontent-id: <1>\r\n"
                    "Content-ID: <2>\r\n\r\nhello\r\n",
          "Content-Language: de\r\nContent-Language: en\r\ncontent-id: <1>\r\nContent-ID: <2>\r\n"),
    CLEAN("998 octets", MIME TEXT "\r\n" X900 X98 "\r\n", X98 "\r\n"),
    CLEAN("clean multipart",
          MIXED "pre\r\n--b\r\n\r\none\r\n--b\r\n" TEXT "\r\ntwo\r\n--b--\r\nepi\r\n",
          "pre\r\n--b\r\n\r\none\r\n--b\r\n"),
    CLEAN("clean but without a delimiter", MIXED "hello\r\n", "\r\n\r\nhello\r\n"),
    CLEAN("clean but not closed", MIXED "--b\r\n\r\nhello\r\n", "--b\r\n\r\nhello\r\n"),
    CLEAN("clean with an unknown encoding",
          MIME TEXT "Content-Transfer-Encoding: x-rot\r\n\r\nuryyb\r\n", "x-rot\r\n\r\nuryyb"),

    /* leaves to be re-encoded */
    CLEAN("8-bit without a label",
          MIME TEXT "\r\ngr\xc3\xbc\xc3\x9f"
                    "e und noch ein langer Text\r\n",
          "Content-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BC=C3=9Fe und"),
    CLEAN("8-bit with a label",
          MIME TEXT "Content-Transfer-Encoding: 8bit\r\n\r\nein recht langer Gru\xc3\x9f\r\n",
          "quoted-printable\r\n\r\nein recht langer Gru=C3=9F\r\n"),
    CLEAN("8-bit, no MIME", FROM "\r\nein recht langer Gru\xdf an alle\r\n",
          "text/plain; charset=unknown-8bit"),
    CLEAN("8-bit, MIME-Version only", MIME "\r\nein recht langer Gru\xdf an alle\r\n",
          "charset=unknown-8bit"),
    CLEAN("mostly 8-bit", MIME TEXT "\r\n\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\r\n",
          "base64\r\n\r\n0L/RgNC40LLQtdGC"),
    CLEAN("label only: 8bit but clean", MIME TEXT "Content-Transfer-Encoding: 8bit\r\n\r\nhi\r\n",
          "Content-Transfer-Encoding: 7bit\r\n\r\nhi"),
    CLEAN("label only: binary, lower case, folded",
          MIME "content-transfer-encoding:\r\n Binary\r\n" TEXT "\r\nhi\r\n",
          "Content-Transfer-Encoding: 7bit\r\nContent-Type"),
    CLEAN("label on a multipart",
          MIME "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n"
               "\r\n--b\r\n" TEXT "\r\nein recht langer Gru\xc3\x9f\r\n--b--\r\n",
          "Content-Transfer-Encoding: 7bit\r\n\r\n--b"),
    CLEAN("a text about labels", MIME TEXT "\r\nContent-Transfer-Encoding: 8bit\r\n",
          "\r\n\r\nContent-Transfer-Encoding: 8bit\r\n"),
    CLEAN("repeated encoding field",
          MIME TEXT "Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n"
                    "ein recht langer Gru\xc3\x9f\r\n",
          "Content-Transfer-Encoding: quoted-printable\r\n\r\nein"),
    CLEAN("NUL", MIME TEXT "\r\na\0b\r\n", "base64\r\n\r\nYQBiDQo="),
    CLEAN("bare CR", MIME TEXT "\r\na\rb\r\n", "base64\r\n\r\nYQ1iDQo="),
    CLEAN("bare LF", MIME TEXT "\r\na\nb\r\n", "base64\r\n\r\nYQpiDQo="),
    CLEAN("bare CR at the end", MIME TEXT "\r\na\r", "base64\r\n\r\nYQ0="),
    CLEAN("CR CR LF", MIME TEXT "\r\na\r\r\n", "base64\r\n\r\nYQ0NCg=="),
    CLEAN("999 octets", MIME TEXT "\r\n" X1000 "\r\n", "quoted-printable"),
    CLEAN("long line at the end", MIME TEXT "\r\n" X1000, "quoted-printable"),
    CLEAN("trailing blank", MIME TEXT "\r\n-- \r\nAlice\r\n", "\r\n\r\n--=20\r\nAlice\r\n"),
    CLEAN("trailing tab", MIME TEXT "\r\nx\t\r\n", "\r\n\r\nx=09\r\n"),
    CLEAN("trailing blank at the end", MIME TEXT "\r\nx ", "\r\n\r\nx=20"),
    CLEAN("a line of blanks", MIME TEXT "\r\n   \r\nx\r\n", "\r\n\r\n  =20\r\nx"),
    CLEAN("From", MIME TEXT "\r\nFrom here on\r\n", "\r\n\r\n=46rom here on\r\n"),
    CLEAN("From in a longer line",
          MIME TEXT "\r\nFrom " X100 "\r\nFrom From From " X100 " From \r\n", "=46rom "),
    CLEAN("From behind a soft line break",
          MIME TEXT
          "\r\n From xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          "From From From From From From From From From From From From From From From "
          "From From From From From From From From From From From From From From From "
          "From From From From From From From From From From From From From From \r\n",
          "quoted-printable"),
    CLEAN("binary attachment",
          MIXED "--b\r\n" TEXT "\r\nhi\r\n--b\r\nContent-Type: application/octet-stream\r\n"
                "Content-Transfer-Encoding: binary\r\n\r\n\0\1\2\xff\r\n\n\r\r\n--b--\r\n",
          "base64\r\n\r\nAAEC/w0KCg0="),
    CLEAN("application part with a trailing blank",
          MIXED "--b\r\nContent-Type: application/json\r\n\r\n{ \r\n}\r\n--b--\r\n", "base64"),
    CLEAN("pkcs7 in binary",
          MIME "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n"
               "Content-Transfer-Encoding: binary\r\n\r\n\x30\x80\x06\x00\xff",
          "base64\r\n\r\nMIAGAP8="),
    CLEAN("quoted-printable with a trailing blank",
          MIME TEXT "Content-Transfer-Encoding: quoted-printable\r\n\r\na=C3=BC xxxxxx=\r\nb \r\n"
                    "c=3D\r\n",
          "quoted-printable\r\n\r\na=C3=BC xxxxxxb\r\nc=3D\r\n"),
    CLEAN("quoted-printable with a padded soft line break",
          MIME TEXT "Content-Transfer-Encoding: quoted-printable\r\n\r\na= \r\nb\r\n",
          "quoted-printable\r\n\r\nab\r\n"),
    CLEAN("quoted-printable with 8-bit",
          MIME TEXT "Content-Transfer-Encoding: Quoted-Printable\r\n\r\nein recht langer Text "
                    "a=C3=BC\xc3\xbc\r\n",
          "a=C3=BC=C3=BC"),
    CLEAN("base64 in one long line",
          MIME "Content-Type: text/plain\r\nContent-Transfer-Encoding: BASE64\r\n\r\n" X1000 "\r\n",
          "Content-Transfer-Encoding: base64\r\n\r\nxxxxxx"),
    CLEAN("base64 with a trailing blank",
          MIME
          "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC \r\nAw==\r\n",
          "base64\r\n\r\nAAECAw=="),
    CLEAN("preamble and epilogue around",
          MIXED "pre\r\n--b\r\n" TEXT "\r\nein langer Gru\xc3\x9f\r\n--b--\r\nepi",
          "\r\n\r\npre\r\n--b\r\n"),
    CLEAN("part without header", MIXED "--b\r\n\r\nein langer Gru\xc3\x9f\r\n--b--\r\n",
          "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nein"),
    CLEAN("empty parts",
          MIXED "--b\r\n\r\n--b\r\n\r\n\r\n--b\r\n" TEXT "\r\nein langer Gru\xc3\x9f\r\n--b--\r\n",
          "--b\r\n\r\n--b\r\n\r\n\r\n--b\r\n"),
    CLEAN("odd boundary",
          MIME "Content-Type: multipart/mixed; boundary=\"a;b=c '()+_,-./:=? d\"\r\n\r\n"
               "--a;b=c '()+_,-./:=? d\r\n\r\nein langer Gru\xc3\x9f\r\n"
               "--a;b=c '()+_,-./:=? d--\r\n",
          "d\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nein"),
    CLEAN("nested multiparts",
          MIXED "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n" TEXT
                "\r\nein langer Gru\xc3\x9f\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>\r\n"
                "--c--\r\n\r\n--b\r\n" TEXT "\r\ntrailing \r\n--b--\r\n",
          "trailing=20"),
    CLEAN("message/rfc822",
          MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@y.test\r\n" TEXT
                "\r\nein langer Gru\xc3\x9f\r\n--b--\r\n",
          "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nein langer"),
    CLEAN("message/rfc822 with a multipart, labels everywhere",
          MIME "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
               "Subject: inner\r\nContent-Transfer-Encoding: 8bit\r\n"
               "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
               "Content-Transfer-Encoding: 8bit\r\n\r\nein langer Gru\xc3\x9f\r\n--b--\r\n",
          "rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: inner\r\n"
          "Content-Transfer-Encoding: 7bit\r\n"),
    CLEAN("multipart/digest",
          MIME "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: inner\r\n\r\n"
               "ein langer Gru\xc3\x9f\r\n--b--\r\n",
          "Subject: inner\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nein"),
    CLEAN("blanks at the end of part header lines",
          MIXED "--b\r\nContent-Type: text/plain; \r\n\tcharset=utf-8\t \r\n\r\nhello\r\n--b--\r\n",
          "text/plain;\r\n\tcharset=utf-8\r\n\r\nhello"),
    CLEAN("blanks at the end of message header lines",
          MIME "Content-Type: text/plain; \r\n\tcharset=utf-8\r\n\r\nhello\r\n",
          "text/plain;\r\n\tcharset=utf-8\r\n\r\nhello"),
    CLEAN("signed part beside an unclean one",
          MIXED "--b\r\n" SIGNED_PART "--s\r\n\r\nsigned\r\n--s\r\n"
                "Content-Type: application/pkcs7-signature\r\n\r\nMIA=\r\n--s--\r\n\r\n--b\r\n" TEXT
                "\r\nein langer Gru\xc3\x9f\r\n--b--\r\n",
          "--s\r\n\r\nsigned\r\n--s\r\n"),
    CLEAN("unknown encoding beside an unclean part",
          MIXED "--b\r\nContent-Transfer-Encoding: x-rot\r\n\r\nuryyb\r\n--b\r\n" TEXT
                "\r\nein langer Gru\xc3\x9f\r\n--b--\r\n",
          "x-rot\r\n\r\nuryyb\r\n--b"),
    CLEAN("no boundary of its own at depth, clean",
          MIXED "--b\r\nContent-Type: multipart/mixed\r\n\r\nhello\r\n--b\r\n" TEXT
                "\r\nein langer Gru\xc3\x9f\r\n--b--\r\n",
          "multipart/mixed\r\n\r\nhello\r\n--b"),

    /* bytes that must not change */
    OPAQUE("8-bit in a signed part",
           MIXED "--b\r\n" SIGNED_PART "--s\r\n\r\nGru\xdf\r\n--s\r\n"
                 "Content-Type: application/pkcs7-signature\r\n\r\nMIA=\r\n--s--\r\n\r\n--b--\r\n"),
    OPAQUE("8-bit in a signed message",
           MIME SIGNED_PART "--s\r\n\r\nGru\xdf\r\n--s\r\n"
                            "Content-Type: application/pkcs7-signature\r\n\r\nMIA=\r\n--s--\r\n"),
    OPAQUE("a label in a signed message",
           MIME SIGNED_PART "--s\r\nContent-Transfer-Encoding: 8bit\r\n\r\nhello\r\n--s\r\n"
                            "Content-Type: application/pkcs7-signature\r\n\r\nMIA=\r\n--s--\r\n"),
    OPAQUE("trailing blank in PGP/MIME", MIME
           "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; "
           "boundary=e\r\n\r\n--e\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
           "Version: 1 \r\n--e\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--e--\r\n"),
    OPAQUE("8-bit in a preamble", MIXED "Gru\xdf\r\n--b\r\n\r\nhello\r\n--b--\r\n"),
    OPAQUE("8-bit in an epilogue", MIXED "--b\r\n\r\nhello\r\n--b--\r\nGru\xdf\r\n"),
    OPAQUE("NUL in an epilogue", MIXED "--b\r\n\r\nhello\r\n--b--\r\n\0\r\n"),
    OPAQUE("blank behind a delimiter", MIXED "--b \r\n\r\nhello\r\n--b--\r\n"),
    OPAQUE("8-bit in a part header",
           MIXED "--b\r\nContent-Disposition: attachment; filename=\xfc.txt\r\n\r\nhello\r\n"
                 "--b--\r\n"),
    OPAQUE("8-bit in a message header",
           MIME "Content-Type: text/plain; name=\xfc.txt\r\n\r\nhello\r\n"),
    OPAQUE("long part header line", MIXED "--b\r\nContent-X: " X1000 "\r\n\r\nhello\r\n--b--\r\n"),
    OPAQUE("blank in a quoted string of a part header",
           MIXED "--b\r\nContent-Type: text/plain; name=\"a \r\n b\"\r\n\r\nhello\r\n--b--\r\n"),
    OPAQUE("a header line of blanks",
           MIXED "--b\r\nContent-Type: text/plain;\r\n \r\n name=x\r\n\r\nhello\r\n--b--\r\n"),
    OPAQUE("unknown encoding", MIME TEXT "Content-Transfer-Encoding: x-rot\r\n\r\n\xfc\r\n"),
    OPAQUE("contradictory encodings",
           MIME TEXT "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                     "Gru\xc3\x9f\r\n"),
    OPAQUE("contradictory types",
           MIME TEXT "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nGru\xc3\x9f\r\n"
                     "--b--\r\n"),
    OPAQUE("two boundaries",
           MIME "Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\n"
                "Gru\xc3\x9f\r\n--b--\r\n"),
    OPAQUE("broken base64",
           MIME "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAA=E \r\n"),
    OPAQUE("8-bit footer behind base64",
           MIME TEXT "Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\nGru\xc3\x9f\r\n"),
    OPAQUE("no delimiter", MIXED "Gru\xc3\x9f\r\n"),
    OPAQUE("not closed", MIXED "--b\r\n" TEXT "\r\nein langer Gru\xc3\x9f\r\n"),
    OPAQUE("inner one not closed",
           MIXED "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n" TEXT
                 "\r\nein langer Gru\xc3\x9f\r\n--b--\r\n"),
    OPAQUE("no boundary",
           MIME "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nGru\xc3\x9f\r\n--b--\r\n"),
    OPAQUE("multipart in base64",
           MIME "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n"
                "\r\nLS1i \r\n"),
    OPAQUE("message/rfc822 in quoted-printable",
           MIXED "--b\r\nContent-Type: message/rfc822\r\n"
                 "Content-Transfer-Encoding: quoted-printable\r\n\r\nSubject: x\r\n\r\n\xc3\xbc\r\n"
                 "--b--\r\n"),
    OPAQUE("message/delivery-status with 8-bit",
           MIXED "--b\r\nContent-Type: message/delivery-status\r\n\r\nDiagnostic: \xfc\r\n"
                 "--b--\r\n"),
    OPAQUE("message/rfc822 with 8-bit in its header",
           MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: \xfc\r\n\r\nhello\r\n"
                 "--b--\r\n"),
    OPAQUE("malformed part header",
           MIXED "--b\r\nContent-Type: text/plain\r\nno field\r\n\r\nGru\xc3\x9f\r\n--b--\r\n"),
    OPAQUE("line that begins like a delimiter",
           MIXED "--b\r\n" TEXT "\r\n--bcd\r\nGru\xc3\x9f\r\n--b--\r\n"),
    OPAQUE("same boundary twice", MIXED
           "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nGru\xc3\x9f\r\n"
           "--b--\r\n--b--\r\n"),
    OPAQUE("delimiter behind the close delimiter",
           MIXED "--b\r\n\r\nGru\xc3\x9f\r\n--b--\r\n--b\r\n\r\nhello\r\n--b--\r\n"),
    OPAQUE("bare LF around a delimiter", MIXED "--b\r\n\r\nhello\n--b--\r\n"),
    OPAQUE("all line ends bare LF", MIXED "--b\n\nhello\n--b--\n"),
};

#define HARD_CASES (sizeof hard_cases / sizeof *hard_cases)

#endif
