/* SMIMEA records (RFC 8162): their names, their content, their text in a zone. */
#ifndef DIRECTORY_SMIMEA_H
#define DIRECTORY_SMIMEA_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#define SMIMEA_TYPE 53
#define SMIMEA_MAX_BYTES (64 * 1024) /* of one record: what an answer can hold */

/* RFC 6698 section 7.2 to 7.4, which RFC 8162 takes over. */
enum smimea_usage { SMIMEA_PKIX_TA, SMIMEA_PKIX_EE, SMIMEA_DANE_TA, SMIMEA_DANE_EE };
#define SMIMEA_SELECTOR_CERTIFICATE 0
#define SMIMEA_MATCHING_FULL 0

struct smimea {
    unsigned usage; /* enum smimea_usage, or one that nobody knows */
    unsigned selector;
    unsigned matching;
    const unsigned char *data; /* borrowed from the record */
    size_t length;
};

/* The name under which the certificate of a mailbox stands (RFC 8162 section 3): SHA-256 of the
 * local part, cut to 28 octets, in hexadecimal digits, "_smimecert", `domain` (A-labels). `local`
 * is what the local part says, without quotes, byte for byte: its case counts, and normalizing it
 * is the caller's matter. A new string without a dot at the end; NULL with a sentence where such a
 * name is too long for the DNS, is an address literal's, or out of memory. */
char *smimea_owner(const char *local, size_t length, const char *domain, char **why);

/* Take the RDATA of a record apart. Returns 0, -1 with a sentence. */
int smimea_read(const unsigned char *rdata, size_t length, struct smimea *out, char **why);

/* The certificate that can be encrypted to by this record alone: a reference in *out, with
 * *needs_anchor_out true where the usage (PKIX-EE) asks for a chain to an anchor besides. Returns
 * 0, or -1 with the reason why it gives none: it names a CA, a public key or a digest, or what it
 * holds is no certificate, or more than one. */
int smimea_certificate(const struct smimea *record, X509 **out, bool *needs_anchor_out, char **why);

/* The line of a zone file (RFC 1035 section 5.1) that publishes `certificate` as DANE-EE(3),
 * Cert(0), Full(0); with `generic` in the form of RFC 3597 for name servers that do not know the
 * type. A new string without a line end; NULL out of memory. */
char *smimea_zone_line(const char *owner, X509 *certificate, bool generic);

#endif
