/* The messages of RFC 9788 itself: the payloads and outer headers that its section 1.9 and
 * appendices C, D and E print, with bodies shortened, and what a reader is to see of each. */
#ifndef TESTS_SMIME_RFC9788_MESSAGES_H
#define TESTS_SMIME_RFC9788_MESSAGES_H

#include "incoming_fixture.h"

/* Who signs. The keys are the world's; Bob can decrypt everything. */
#define RFC_ALICE ALICE   /* alice@smime.example, of appendix C */
#define RFC_BOB_NET CAROL /* bob@example.net, of appendix D */
#define RFC_ALICE_NET EVE /* alice@example.net, of appendices D and E */

enum layers { SIGNED_OPAQUE, SIGNED_DETACHED, SIGNED_ENCRYPTED, ENCRYPTED };

struct vector {
    const char *name;
    enum layers layers;
    enum person signer;
    const char *outer;
    const char *payload;
    const char *told;   /* restored_text() */
    const char *fields; /* that replace those outside: "Subject: x|" */
    const char *body;   /* what is delivered where no signature is; NULL: that of the payload */
};

#define C_PEOPLE "From: Alice <alice@smime.example>\r\nTo: Bob <bob@smime.example>\r\n"
#define C_SHY_PEOPLE "From: alice@smime.example\r\nTo: bob@smime.example\r\n"
#define C_AGENT "User-Agent: Sample MUA Version 1.0\r\n"
#define C_TEXT(name)                                                                               \
    "This is the\r\n" name "\r\nmessage.\r\n\r\n--\r\nAlice\r\nalice@smime.example\r\n"
#define C_OUTER_PEOPLE                                                                             \
    "HP-Outer: From: Alice <alice@smime.example>\r\nHP-Outer: To: Bob <bob@smime.example>\r\n"
#define C_OUTER_SHY_PEOPLE                                                                         \
    "HP-Outer: From: alice@smime.example\r\nHP-Outer: To: bob@smime.example\r\n"
#define C_OUTER_AGENT "HP-Outer: " C_AGENT
#define C_PNG                                                                                      \
    "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"                             \
    "Content-Disposition: inline\r\n\r\niVBORw0KGgoAAAANSUhEUgAAABQAAAAU\r\n"
#define C_HTML(before, name)                                                                       \
    "<html><head><title></title></head><body>\r\n" before "<p>This is the\r\n<b>" name             \
    "</b>\r\nmessage.</p>\r\n<p><tt>-- "                                                           \
    "<br>Alice<br>alice@smime.example</tt></p></body></html>\r\n"

/* C.3.16: its payload is a multipart/mixed with text, HTML and a picture. */
#define C_316 "smime-signed-enc-complex-hp-shy-legacy-reply"
#define C_316_HEADER                                                                               \
    "MIME-Version: 1.0\r\nSubject: " C_316 "\r\nMessage-ID:\r\n <" C_316 "@example>\r\n" C_PEOPLE  \
    "Date: Sat, 20 Feb 2021 12:19:02 -0500\r\n" C_AGENT                                            \
    "In-Reply-To: <smime-signed-enc-complex-hp-shy-legacy@example>\r\n"                            \
    "References: <smime-signed-enc-complex-hp-shy-legacy@example>\r\n"                             \
    "HP-Outer: Subject: [...]\r\nHP-Outer: Message-ID:\r\n <" C_316                                \
    "@example>\r\n" C_OUTER_SHY_PEOPLE                                                             \
    "HP-Outer: Date: Sat, 20 Feb 2021 17:19:02 +0000\r\n" C_OUTER_AGENT                            \
    "HP-Outer:\r\n In-Reply-To: <smime-signed-enc-complex-hp-shy-legacy@example>\r\n"              \
    "HP-Outer:\r\n References: <smime-signed-enc-complex-hp-shy-legacy@example>\r\n"               \
    "Content-Type: multipart/mixed; boundary=\"242\"; hp=\"cipher\"\r\n\r\n"
#define C_316_BODY(mark, text, html)                                                               \
    "--242\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"da7\"\r\n\r\n"  \
    "--da7\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n"                            \
    "Content-Type: text/plain; charset=\"us-ascii\"" mark "\r\n\r\n" text                          \
    C_TEXT(C_316) "--da7\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n"              \
                  "Content-Type: text/html; charset=\"us-ascii\"" mark                             \
                  "\r\n\r\n" C_HTML(html, C_316) "--da7--\r\n\r\n--242\r\n" C_PNG                  \
                                                 "\r\n--242--\r\n"
#define C_316_MARKED                                                                               \
    C_316_BODY(";\r\n hp-legacy-display=\"1\"",                                                    \
               "Subject: " C_316 "\r\n" C_PEOPLE "Date: Sat, 20 Feb 2021 12:19:02 -0500\r\n\r\n",  \
               "<div class=\"header-protection-legacy-display\">\r\n<pre>\r\nSubject: " C_316      \
               "\r\nFrom: Alice &lt;alice@smime.example&gt;\r\n"                                   \
               "To: Bob &lt;bob@smime.example&gt;\r\n"                                             \
               "Date: Sat, 20 Feb 2021 12:19:02 -0500\r\n</pre>\r\n</div>")

#define C_317 "smime-enc-signed-complex-rfc8551hp-baseline"
#define C_317_FIELDS(subject)                                                                      \
    "Subject: " subject "\r\nMessage-ID:\r\n <" C_317 "@example>\r\n" C_PEOPLE                     \
    "Date: Sat, 20 Feb 2021 12:28:02 -0500\r\n" C_AGENT
#define C_317_BODY                                                                                 \
    "--144\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"579\"\r\n\r\n"  \
    "--579\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\nMIME-Version: 1.0\r\n"             \
    "Content-Transfer-Encoding: 7bit\r\n\r\n" C_TEXT(                                              \
        C_317) "--579\r\nContent-Type: text/html; charset=\"us-ascii\"\r\nMIME-Version: 1.0\r\n"   \
               "Content-Transfer-Encoding: 7bit\r\n\r\n" C_HTML(                                   \
                   "", C_317) "--579--\r\n\r\n--144\r\n" C_PNG "\r\n--144--\r\n"
#define C_317_PAYLOAD                                                                              \
    "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\nMIME-Version: 1.0\r\n"               \
    "Content-Type: multipart/mixed; boundary=\"144\"\r\n" C_317_FIELDS(C_317) "\r\n" C_317_BODY

/* D.1.1, and the payload of it in D.1.2.1. */
#define D_1_FIELDS(subject)                                                                        \
    "Date: Wed, 11 Jan 2023 16:08:43 -0500\r\nFrom: Bob <bob@example.net>\r\n"                     \
    "To: Alice <alice@example.net>\r\nSubject: " subject "\r\n"                                    \
    "Message-ID: <20230111T210843Z.1234@lhp.example>\r\n"
#define D_1_OUTER                                                                                  \
    "HP-Outer: Date: Wed, 11 Jan 2023 16:08:43 -0500\r\n"                                          \
    "HP-Outer: From: Bob <bob@example.net>\r\nHP-Outer: To: Alice <alice@example.net>\r\n"         \
    "HP-Outer: Subject: [...]\r\n"                                                                 \
    "HP-Outer: Message-ID: <20230111T210843Z.1234@lhp.example>\r\n"
#define D_1_BODY                                                                                   \
    "Please review and approve or decline by Thursday, it's critical!\r\n\r\nThanks,\r\nBob\r\n"   \
    "\r\n--\r\nBob Gonzalez\r\nACME, Inc.\r\n"
#define D_1 "Handling the Jones contract"
#define D_1_PLAIN                                                                                  \
    D_1_FIELDS(D_1)                                                                                \
    "Content-Type: text/plain; charset=\"us-ascii\"\r\nMIME-Version: 1.0\r\n\r\n" D_1_BODY
#define D_1_MARKED(outer)                                                                          \
    D_1_FIELDS(D_1)                                                                                \
    "Content-Type: text/plain; charset=\"us-ascii\"; hp-legacy-display=\"1\";\r\n hp=\"cipher\""   \
    "\r\nMIME-Version: 1.0\r\n" outer "\r\nSubject: " D_1 "\r\n\r\n" D_1_BODY

/* D.2.1 and D.2.2.1. */
#define D_2_FIELDS(subject)                                                                        \
    "Date: Wed, 11 Jan 2023 16:48:22 -0500\r\nFrom: Alice <alice@example.net>\r\n"                 \
    "To: Bob <bob@example.net>\r\nSubject: " subject "\r\n"                                        \
    "Message-ID: <20230111T214822Z.5678@lhp.example>\r\n"                                          \
    "In-Reply-To: <20230111T210843Z.1234@lhp.example>\r\n"                                         \
    "References: <20230111T210843Z.1234@lhp.example>\r\n"
#define D_2_BODY                                                                                   \
    "On Wed, 11 Jan 2023 16:08:43 -0500, Bob wrote:\r\n\r\n"                                       \
    "> Please review and approve or decline by Thursday,\r\n> it's critical!\r\n\r\n"              \
    "I'll get right on it, Bob!\r\n"
#define D_2 "Re: Handling the Jones contract"
#define D_2_PLAIN                                                                                  \
    D_2_FIELDS(D_2)                                                                                \
    "Content-Type: text/plain; charset=\"us-ascii\"\r\nMIME-Version: 1.0\r\n\r\n" D_2_BODY
#define D_2_MARKED(subject)                                                                        \
    D_2_FIELDS(D_2)                                                                                \
    "Content-Type: text/plain; charset=\"us-ascii\"; hp-legacy-display=\"1\";\r\n hp=\"cipher\""   \
    "\r\nMIME-Version: 1.0\r\nHP-Outer: Date: Wed, 11 Jan 2023 16:48:22 -0500\r\n"                 \
    "HP-Outer: From: Alice <alice@example.net>\r\nHP-Outer: To: Bob <bob@example.net>\r\n"         \
    "HP-Outer: Subject: " subject "\r\n"                                                           \
    "HP-Outer: Message-ID: <20230111T214822Z.5678@lhp.example>\r\n"                                \
    "HP-Outer: In-Reply-To: <20230111T210843Z.1234@lhp.example>\r\n"                               \
    "HP-Outer: References: <20230111T210843Z.1234@lhp.example>\r\n"                                \
    "\r\nSubject: " D_2 "\r\n\r\n" D_2_BODY

#define E_FIELDS(subject, id)                                                                      \
    "Date: Fri, 21 Jan 2022 20:40:48 -0500\r\nFrom: Alice <alice@example.net>\r\n"                 \
    "To: Bob <bob@example.net>\r\nSubject: " subject "\r\nMessage-ID: <" id "@lhp.example>\r\n"
#define E_OUTER(id)                                                                                \
    "HP-Outer: Date: Fri, 21 Jan 2022 20:40:48 -0500\r\n"                                          \
    "HP-Outer: From: Alice <alice@example.net>\r\nHP-Outer: To: Bob <bob@example.net>\r\n"         \
    "HP-Outer: Subject: [...]\r\nHP-Outer: Message-ID: <" id "@lhp.example>\r\n"
#define E_1_BODY "Let's meet at Rama's Roti Shop at 8pm and go to the park\r\nfrom there.\r\n"
#define E_2_BODY(display)                                                                          \
    "<html><head><title></title></head><body>\r\n" display                                         \
    "\r\n<p>\r\nLet's meet at Rama's Roti Shop at 8pm and go to the park\r\nfrom there.\r\n"       \
    "</p>\r\n</body>\r\n</html>\r\n"
#define E_2_DISPLAY                                                                                \
    "<div class=\"header-protection-legacy-display\">\r\n<pre>Subject: Dinner plans</pre>\r\n"     \
    "</div>"

static const struct vector vectors[] = {
    {"C.1.2: no header protection", SIGNED_OPAQUE, RFC_ALICE,
     "Subject: smime-one-part\r\nMessage-ID: <smime-one-part@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:01:02 -0500\r\n" C_AGENT,
     "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"utf-8\"\r\n"
     "Content-Transfer-Encoding: 7bit\r\n\r\n" C_TEXT("smime-one-part"),
     "none", "", NULL},
    {"C.2.1: signed-only signedData, simple", SIGNED_OPAQUE, RFC_ALICE,
     "Subject: smime-one-part-hp\r\nMessage-ID: <smime-one-part-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:06:02 -0500\r\n" C_AGENT,
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nSubject: smime-one-part-hp\r\n"
     "Message-ID: <smime-one-part-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:06:02 -0500\r\n" C_AGENT
     "Content-Type: text/plain; charset=\"utf-8\"; hp=\"clear\"\r\n\r\n" C_TEXT(
         "smime-one-part-hp"),
     "clear", "", NULL},
    {"C.2.2: signed-only multipart/signed, simple", SIGNED_DETACHED, RFC_ALICE,
     "Subject: smime-multipart-hp\r\nMessage-ID: <smime-multipart-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:07:02 -0500\r\n" C_AGENT,
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nSubject: smime-multipart-hp\r\n"
     "Message-ID: <smime-multipart-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:07:02 -0500\r\n" C_AGENT
     "Content-Type: text/plain; charset=\"utf-8\"; hp=\"clear\"\r\n\r\n" C_TEXT(
         "smime-multipart-hp"),
     "clear", "", NULL},
    {"C.2.2, with another subject outside", SIGNED_DETACHED, RFC_ALICE,
     "Subject: altered\r\nMessage-ID: <smime-multipart-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:07:02 -0500\r\n" C_AGENT,
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nSubject: smime-multipart-hp\r\n"
     "Message-ID: <smime-multipart-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:07:02 -0500\r\n" C_AGENT
     "Content-Type: text/plain; charset=\"utf-8\"; hp=\"clear\"\r\n\r\n" C_TEXT(
         "smime-multipart-hp"),
     "clear; restored=Subject", "Subject: smime-multipart-hp|", NULL},
    {"C.2.3: signed-only signedData, complex", SIGNED_OPAQUE, RFC_ALICE,
     "Subject: smime-one-part-complex-hp\r\nMessage-ID: "
     "<smime-one-part-complex-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 12:06:02 -0500\r\n" C_AGENT,
     "MIME-Version: 1.0\r\nSubject: smime-one-part-complex-hp\r\n"
     "Message-ID: <smime-one-part-complex-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 12:06:02 -0500\r\n" C_AGENT
     "Content-Type: multipart/mixed; boundary=\"ab8\"; hp=\"clear\"\r\n\r\n--ab8\r\n"
     "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"0f4\"\r\n\r\n--0f4\r\n"
     "Content-Type: text/plain; charset=\"us-ascii\"\r\nMIME-Version: 1.0\r\n"
     "Content-Transfer-Encoding: 7bit\r\n\r\n" C_TEXT(
         "smime-one-part-complex-hp") "--0f4\r\nContent-Type: text/html; "
                                      "charset=\"us-ascii\"\r\nMIME-Version: 1.0\r\n"
                                      "Content-Transfer-Encoding: 7bit\r\n\r\n" C_HTML(
                                          "", "smime-one-part-complex-hp") "--0f4--\r\n\r\n--"
                                                                           "ab8\r\n" C_PNG
                                                                           "\r\n--ab8--\r\n",
     "clear", "", NULL},
    {"C.3.1: hcp_baseline, simple", SIGNED_ENCRYPTED, RFC_ALICE,
     "Subject: [...]\r\nMessage-ID: <smime-signed-enc-hp-baseline@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n" C_AGENT,
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n"
     "Subject: smime-signed-enc-hp-baseline\r\n"
     "Message-ID: <smime-signed-enc-hp-baseline@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n" C_AGENT "HP-Outer: Subject: [...]\r\n"
     "HP-Outer: Message-ID: <smime-signed-enc-hp-baseline@example>\r\n" C_OUTER_PEOPLE
     "HP-Outer: Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n" C_OUTER_AGENT
     "Content-Type: text/plain; charset=\"utf-8\"; hp=\"cipher\"\r\n\r\n" C_TEXT(
         "smime-signed-enc-hp-baseline"),
     "cipher; restored=Subject; confidential=Subject", "Subject: smime-signed-enc-hp-baseline|",
     NULL},
    {"C.3.2: hcp_baseline, simple, legacy display", SIGNED_ENCRYPTED, RFC_ALICE,
     "Subject: [...]\r\nMessage-ID: <smime-signed-enc-hp-baseline-legacy@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:10:02 -0500\r\n" C_AGENT,
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n"
     "Subject: smime-signed-enc-hp-baseline-legacy\r\n"
     "Message-ID: <smime-signed-enc-hp-baseline-legacy@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:10:02 -0500\r\n" C_AGENT "HP-Outer: Subject: [...]\r\n"
     "HP-Outer:\r\n Message-ID: <smime-signed-enc-hp-baseline-legacy@example>\r\n" C_OUTER_PEOPLE
     "HP-Outer: Date: Sat, 20 Feb 2021 10:10:02 -0500\r\n" C_OUTER_AGENT
     "Content-Type: text/plain; charset=\"utf-8\";\r\n hp-legacy-display=\"1\"; hp=\"cipher\"\r\n"
     "\r\nSubject: smime-signed-enc-hp-baseline-legacy\r\n\r\n" C_TEXT(
         "smime-signed-enc-hp-baseline-legacy"),
     "cipher; restored=Subject; confidential=Subject",
     "Subject: smime-signed-enc-hp-baseline-legacy|",
     C_TEXT("smime-signed-enc-hp-baseline-legacy")},
    {"C.3.3: hcp_shy, simple", SIGNED_ENCRYPTED, RFC_ALICE,
     "Subject: [...]\r\nMessage-ID: <smime-signed-enc-hp-shy@example>\r\n" C_SHY_PEOPLE
     "Date: Sat, 20 Feb 2021 15:12:02 +0000\r\n" C_AGENT,
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nSubject: smime-signed-enc-hp-shy\r\n"
     "Message-ID: <smime-signed-enc-hp-shy@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:12:02 -0500\r\n" C_AGENT "HP-Outer: Subject: [...]\r\n"
     "HP-Outer: Message-ID: <smime-signed-enc-hp-shy@example>\r\n" C_OUTER_SHY_PEOPLE
     "HP-Outer: Date: Sat, 20 Feb 2021 15:12:02 +0000\r\n" C_OUTER_AGENT
     "Content-Type: text/plain; charset=\"utf-8\"; hp=\"cipher\"\r\n\r\n" C_TEXT(
         "smime-signed-enc-hp-shy"),
     "cipher; restored=Subject,To,Date; confidential=Subject,To,Date",
     "Subject: smime-signed-enc-hp-shy|To: Bob <bob@smime.example>|"
     "Date: Sat, 20 Feb 2021 10:12:02 -0500|",
     NULL},
    {"C.3.4: hcp_shy, simple, legacy display", SIGNED_ENCRYPTED, RFC_ALICE,
     "Subject: [...]\r\nMessage-ID: <smime-signed-enc-hp-shy-legacy@example>\r\n" C_SHY_PEOPLE
     "Date: Sat, 20 Feb 2021 15:13:02 +0000\r\n" C_AGENT,
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n"
     "Subject: smime-signed-enc-hp-shy-legacy\r\n"
     "Message-ID: <smime-signed-enc-hp-shy-legacy@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:13:02 -0500\r\n" C_AGENT "HP-Outer: Subject: [...]\r\n"
     "HP-Outer: Message-ID: <smime-signed-enc-hp-shy-legacy@example>\r\n" C_OUTER_SHY_PEOPLE
     "HP-Outer: Date: Sat, 20 Feb 2021 15:13:02 +0000\r\n" C_OUTER_AGENT
     "Content-Type: text/plain; charset=\"utf-8\";\r\n hp-legacy-display=\"1\"; hp=\"cipher\"\r\n"
     "\r\nSubject: smime-signed-enc-hp-shy-legacy\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:13:02 -0500\r\n\r\n" C_TEXT("smime-signed-enc-hp-shy-legacy"),
     "cipher; restored=Subject,To,Date; confidential=Subject,To,Date",
     "Subject: smime-signed-enc-hp-shy-legacy|To: Bob <bob@smime.example>|"
     "Date: Sat, 20 Feb 2021 10:13:02 -0500|",
     C_TEXT("smime-signed-enc-hp-shy-legacy")},
    {"C.3.16: a reply, hcp_shy, complex, legacy display", SIGNED_ENCRYPTED, RFC_ALICE,
     "Subject: [...]\r\nMessage-ID:\r\n <" C_316 "@example>\r\n" C_SHY_PEOPLE
     "Date: Sat, 20 Feb 2021 17:19:02 +0000\r\n" C_AGENT
     "In-Reply-To: <smime-signed-enc-complex-hp-shy-legacy@example>\r\n"
     "References: <smime-signed-enc-complex-hp-shy-legacy@example>\r\n",
     C_316_HEADER C_316_MARKED, "cipher; restored=Subject,To,Date; confidential=Subject,To,Date",
     "Subject: " C_316 "|To: Bob <bob@smime.example>|Date: Sat, 20 Feb 2021 12:19:02 -0500|",
     C_316_BODY("", "", "")},
    {"C.3.17: RFC 8551, complex", SIGNED_ENCRYPTED, RFC_ALICE, C_317_FIELDS("[...]"), C_317_PAYLOAD,
     "wrapped; restored=Subject; confidential=Subject", "Subject: " C_317 "|", C_317_BODY},
    {"C.3.17, signed only", SIGNED_OPAQUE, RFC_ALICE, C_317_FIELDS("[...]"), C_317_PAYLOAD,
     "wrapped; restored=Subject", "Subject: " C_317 "|", C_317_BODY},
    {"D.1.2: baseline, legacy display", SIGNED_ENCRYPTED, RFC_BOB_NET, D_1_FIELDS("[...]"),
     D_1_MARKED(D_1_OUTER), "cipher; restored=Subject; confidential=Subject", "Subject: " D_1 "|",
     D_1_BODY},
    {"D.2.2: a reply, legacy display", SIGNED_ENCRYPTED, RFC_ALICE_NET, D_2_FIELDS("Re: [...]"),
     D_2_MARKED("Re: [...]"), "cipher; restored=Subject; confidential=Subject", "Subject: " D_2 "|",
     D_2_BODY},
    {"E.1: text", SIGNED_ENCRYPTED, RFC_ALICE_NET, E_FIELDS("[...]", "text-plain-legacy-display"),
     E_FIELDS(
         "Dinner plans",
         "text-plain-legacy-display") "MIME-Version: 1.0\r\nContent-Type: text/plain; "
                                      "charset=\"us-ascii\"; "
                                      "hp-legacy-display=\"1\";\r\n hp=\"cipher\"\r\n" E_OUTER(
                                          "text-plain-legacy-display") "\r\nSubject: Dinner "
                                                                       "plans\r\n\r\n" E_1_BODY,
     "cipher; restored=Subject; confidential=Subject", "Subject: Dinner plans|", E_1_BODY},
    {"E.2: HTML", SIGNED_ENCRYPTED, RFC_ALICE_NET, E_FIELDS("[...]", "text-html-legacy-display"),
     E_FIELDS(
         "Dinner plans",
         "text-html-legacy-display") "MIME-Version: 1.0\r\nContent-Type: text/html; "
                                     "charset=\"us-ascii\"; "
                                     "hp-legacy-display=\"1\";\r\n hp=\"cipher\"\r\n" E_OUTER(
                                         "text-html-legacy-display") "\r\n" E_2_BODY(E_2_DISPLAY),
     "cipher; restored=Subject; confidential=Subject", "Subject: Dinner plans|", E_2_BODY("")},
};

#define VECTORS (sizeof vectors / sizeof *vectors)

#endif
