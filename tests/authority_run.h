/* A CA that revokes: CRLs by `openssl ca`, OCSP answers by `openssl ocsp`, never by our own code.
 *
 * Header only, like test_pki.h. Everything is as of now: what these commands make bears the time of
 * the clock. What cannot be made aborts. */
#ifndef TESTS_AUTHORITY_RUN_H
#define TESTS_AUTHORITY_RUN_H

#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ocsp.h>

#include "test_pki.h"

#define AUTHORITY_PATH_BYTES 1024

/* Its files in `directory`: NAME.pem, NAME.key, NAME.index, NAME.cnf, NAME.number. */
struct authority {
    const char *directory;
    const char *name;
    struct pki pki;
};

/* Run a shell command in the directory; it has to succeed. */
__attribute__((format(printf, 2, 3))) static inline void authority_run(const char *directory,
                                                                       const char *format, ...)
{
    char command[1536];
    char whole[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    snprintf(whole, sizeof whole, "cd '%s' && { %s ; } 2>authority-errors", directory, command);
    if (system(whole) != 0) {
        snprintf(whole, sizeof whole, "cat '%s/authority-errors' >&2", directory);
        (void)!system(whole);
        pki_need(false, command);
    }
}

static inline const char *authority_path(const struct authority *authority, const char *name,
                                         const char *suffix)
{
    static char paths[8][AUTHORITY_PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s%s", authority->directory, name, suffix);
    return path;
}

/* `extensions`: lines for the section of CRL extensions ("" for none but the number). */
static inline void authority_configure(const struct authority *authority, const char *extensions)
{
    FILE *file = fopen(authority_path(authority, authority->name, ".cnf"), "we");
    pki_need(file != NULL, "a configuration");
    fprintf(file,
            "[ca]\ndefault_ca = one\n[one]\ndatabase = %s.index\ncertificate = %s.pem\n"
            "private_key = %s.key\ncrlnumber = %s.number\ndefault_md = sha256\n"
            "default_crl_days = 7\nunique_subject = no\npolicy = any\ncrl_extensions = crl\n"
            "[any]\n[crl]\nauthorityKeyIdentifier = keyid\n%s\n",
            authority->name, authority->name, authority->name, authority->name, extensions);
    pki_need(fclose(file) == 0, "a configuration");
}

static inline struct authority authority_of(const char *directory, const char *name, struct pki pki)
{
    struct authority made = {directory, name, pki};
    pki_write_certificate(authority_path(&made, name, ".pem"), pki.certificate);
    pki_write_key(authority_path(&made, name, ".key"), pki.key);
    authority_run(directory, ": >%s.index && echo 1000 >%s.number", name, name);
    authority_configure(&made, "");
    return made;
}

static inline struct authority authority_make(const char *directory, const char *name)
{
    return authority_of(directory, name, pki_ca(name));
}

static inline void authority_clear(struct authority *authority)
{
    pki_clear(&authority->pki);
}

/* A certificate with its files NAME.pem and NAME.key, known to the authority. */
static inline struct pki authority_issue(const struct authority *authority, const char *name,
                                         const struct pki_spec *spec)
{
    struct pki pki = pki_make(spec, &authority->pki);
    pki_write_certificate(authority_path(authority, name, ".pem"), pki.certificate);
    pki_write_key(authority_path(authority, name, ".key"), pki.key);
    authority_run(authority->directory, "openssl ca -config %s.cnf -valid %s.pem", authority->name,
                  name);
    return pki;
}

/* `reason` as `openssl ca -crl_reason` takes it. */
static inline void authority_revoke(const struct authority *authority, const char *name,
                                    const char *reason)
{
    authority_run(authority->directory, "openssl ca -config %s.cnf -revoke %s.pem -crl_reason %s",
                  authority->name, name, reason);
}

/* NAME.crl in DER. `options` of `openssl ca -gencrl`. */
static inline void authority_crl(const struct authority *authority, const char *name,
                                 const char *options)
{
    authority_run(authority->directory,
                  "openssl ca -config %s.cnf -gencrl %s -out crl.pem && "
                  "openssl crl -in crl.pem -outform DER -out %s.crl.new && mv %s.crl.new %s.crl",
                  authority->name, options, name, name, name);
}

static inline X509_CRL *authority_read_crl(const struct authority *authority, const char *name)
{
    BIO *in = BIO_new_file(authority_path(authority, name, ".crl"), "rb");
    X509_CRL *crl = in ? d2i_X509_CRL_bio(in, NULL) : NULL;
    BIO_free(in);
    pki_need(crl != NULL, "a CRL");
    return crl;
}

/* The answer on CERTIFICATE.pem, signed by SIGNER.pem, as RESPONSE.ocsp. */
static inline void authority_answer(const struct authority *authority, const char *certificate,
                                    const char *signer, const char *response)
{
    authority_run(authority->directory,
                  "openssl ocsp -no_nonce -issuer %s.pem -cert %s.pem -reqout %s.req && "
                  "openssl ocsp -index %s.index -CA %s.pem -rsigner %s.pem -rkey %s.key -ndays 1 "
                  "-reqin %s.req -respout %s.ocsp",
                  authority->name, certificate, response, authority->name, authority->name, signer,
                  signer, response, response);
}

static inline OCSP_RESPONSE *authority_read_answer(const struct authority *authority,
                                                   const char *name)
{
    BIO *in = BIO_new_file(authority_path(authority, name, ".ocsp"), "rb");
    OCSP_RESPONSE *response = in ? d2i_OCSP_RESPONSE_bio(in, NULL) : NULL;
    BIO_free(in);
    pki_need(response != NULL, "an OCSP response");
    return response;
}

#endif
