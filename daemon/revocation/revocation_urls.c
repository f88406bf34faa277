/* Reading cRLDistributionPoints, freshestCRL and authorityInfoAccess. */
#include "revocation_urls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "http.h"

void revocation_urls_clear(struct revocation_urls *urls)
{
    for (size_t i = 0; i < URLS_MAX; i++) {
        free(urls->crls[i]);
        free(urls->ocsps[i]);
        free(urls->deltas[i]);
        X509_NAME_free(urls->issuers[i]);
    }
    free(urls->other);
    *urls = (struct revocation_urls){0};
}

static bool has(char *const *list, size_t count, const char *url)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], url) == 0)
            return true;
    return false;
}

/* Add the URI that `name` is, if it is one. */
static int add_url(const GENERAL_NAME *name, char **list, size_t *count, char **other)
{
    const ASN1_STRING *value;
    const char *text;
    size_t length;
    char *url;
    if (name->type != GEN_URI)
        return 0;
    value = name->d.uniformResourceIdentifier;
    text = (const char *)ASN1_STRING_get0_data(value);
    length = (size_t)ASN1_STRING_length(value);
    if (length == 0 || length > HTTP_MAX_URL_BYTES || memchr(text, '\0', length) != NULL)
        return 0;
    url = strndup(text, length);
    if (url == NULL)
        return -1;
    if (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0) {
        if (*count < URLS_MAX && !has(list, *count, url)) {
            list[(*count)++] = url;
            url = NULL;
        }
    } else if (*other == NULL) {
        *other = url;
        url = NULL;
    }
    free(url);
    return 0;
}

static int add_names(const GENERAL_NAMES *names, char **list, size_t *count, char **other)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        if (add_url(sk_GENERAL_NAME_value(names, i), list, count, other) != 0)
            return -1;
    return 0;
}

static int add_issuers(const GENERAL_NAMES *names, struct revocation_urls *out)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && out->issuer_count < URLS_MAX; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        X509_NAME *copy;
        if (name->type != GEN_DIRNAME)
            continue;
        copy = X509_NAME_dup(name->d.directoryName);
        if (copy == NULL)
            return -1;
        out->issuers[out->issuer_count++] = copy;
    }
    return 0;
}

static int add_points(CRL_DIST_POINTS *points, struct revocation_urls *out, char **list,
                      size_t *count)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *point = sk_DIST_POINT_value(points, i);
        rc = add_issuers(point->CRLissuer, out);
        /* A name relative to the issuer's is one in a directory. */
        if (rc == 0 && point->distpoint != NULL && point->distpoint->type == 0)
            rc = add_names(point->distpoint->name.fullname, list, count, &out->other);
    }
    CRL_DIST_POINTS_free(points);
    return rc;
}

static int add_access(X509 *certificate, struct revocation_urls *out)
{
    AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(certificate, NID_info_access, NULL, NULL);
    int rc = 0;
    for (int i = 0; rc == 0 && i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(access, i);
        if (OBJ_obj2nid(one->method) == NID_ad_OCSP)
            rc = add_url(one->location, out->ocsps, &out->ocsp_count, &out->other);
    }
    AUTHORITY_INFO_ACCESS_free(access);
    return rc;
}

int revocation_urls_of(X509 *certificate, struct revocation_urls *out)
{
    int rc;
    *out = (struct revocation_urls){0};
    rc = add_points(X509_get_ext_d2i(certificate, NID_crl_distribution_points, NULL, NULL), out,
                    out->crls, &out->crl_count);
    if (rc == 0)
        rc = add_points(X509_get_ext_d2i(certificate, NID_freshest_crl, NULL, NULL), out,
                        out->deltas, &out->delta_count);
    if (rc == 0)
        rc = add_access(certificate, out);
    ERR_clear_error();
    if (rc != 0)
        revocation_urls_clear(out);
    return rc;
}

int revocation_urls_add_deltas(X509_CRL *crl, struct revocation_urls *urls)
{
    int rc = add_points(X509_CRL_get_ext_d2i(crl, NID_freshest_crl, NULL, NULL), urls, urls->deltas,
                        &urls->delta_count);
    ERR_clear_error();
    return rc;
}
