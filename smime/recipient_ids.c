/* Whom an EnvelopedData names. */
#include "recipient_ids.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

static int add(struct recipient_ids *ids, size_t *room, CMS_RecipientInfo *info,
               const struct recipient_id *id)
{
    if (ids->count == *room) {
        size_t more = *room > 0 ? *room * 2 : 8;
        struct recipient_id *items = realloc(ids->items, more * sizeof *items);
        CMS_RecipientInfo **infos;
        if (items == NULL)
            return -1;
        ids->items = items;
        infos = realloc(ids->infos, more * sizeof(CMS_RecipientInfo *));
        if (infos == NULL)
            return -1;
        ids->infos = infos;
        *room = more;
    }
    ids->items[ids->count] = *id;
    ids->infos[ids->count] = info;
    ids->count++;
    return 0;
}

static int add_agreement(struct recipient_ids *ids, size_t *room, CMS_RecipientInfo *info)
{
    STACK_OF(CMS_RecipientEncryptedKey) *keys = CMS_RecipientInfo_kari_get0_reks(info);
    for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(keys); i++) {
        CMS_RecipientEncryptedKey *key = sk_CMS_RecipientEncryptedKey_value(keys, i);
        struct recipient_id id = {0};
        if (CMS_RecipientEncryptedKey_get0_id(key, &id.key_id, NULL, NULL, &id.issuer,
                                              &id.serial) == 1 &&
            add(ids, room, info, &id) != 0)
            return -1;
    }
    return 0;
}

int recipient_ids_read(CMS_ContentInfo *cms, struct recipient_ids *out)
{
    STACK_OF(CMS_RecipientInfo) *infos = CMS_get0_RecipientInfos(cms);
    size_t room = 0;
    int rc = 0;
    *out = (struct recipient_ids){0};
    for (int i = 0; rc == 0 && i < sk_CMS_RecipientInfo_num(infos); i++) {
        CMS_RecipientInfo *info = sk_CMS_RecipientInfo_value(infos, i);
        struct recipient_id id = {0};
        if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE)
            rc = add_agreement(out, &room, info);
        else if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS &&
                 CMS_RecipientInfo_ktri_get0_signer_id(info, &id.key_id, &id.issuer, &id.serial) ==
                     1)
            rc = add(out, &room, info, &id);
    }
    if (rc != 0)
        recipient_ids_clear(out);
    return rc;
}

void recipient_ids_clear(struct recipient_ids *ids)
{
    free(ids->items);
    free(ids->infos);
    *ids = (struct recipient_ids){0};
}

/* Borrowed; NULL if it has none. */
static const X509_ALGOR *key_algorithm(CMS_RecipientInfo *info)
{
    X509_ALGOR *algorithm = NULL;
    ASN1_OCTET_STRING *ukm;
    bool known = CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE
                     ? CMS_RecipientInfo_kari_get0_alg(info, &algorithm, &ukm) == 1
                     : CMS_RecipientInfo_ktri_get0_algs(info, NULL, NULL, &algorithm) == 1;
    return known ? algorithm : NULL;
}

char *recipient_algorithm(CMS_RecipientInfo *info)
{
    const X509_ALGOR *algorithm = key_algorithm(info);
    const ASN1_OBJECT *oid;
    char name[80];
    if (algorithm == NULL)
        return NULL;
    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    return OBJ_obj2txt(name, sizeof name, oid, 0) > 0 ? strdup(name) : NULL;
}

unsigned recipient_weakness(CMS_RecipientInfo *info)
{
    const X509_ALGOR *algorithm = key_algorithm(info);
    const void *value = NULL;
    int type = V_ASN1_UNDEF;
    X509_ALGOR *wrap = NULL;
    unsigned weak = 0;
    if (CMS_RecipientInfo_type(info) != CMS_RECIPINFO_AGREE || algorithm == NULL)
        return 0;
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    if (type == V_ASN1_SEQUENCE) {
        const unsigned char *at = ASN1_STRING_get0_data(value);
        wrap = d2i_X509_ALGOR(NULL, &at, ASN1_STRING_length(value));
    }
    if (wrap != NULL && OBJ_obj2nid(wrap->algorithm) == NID_id_smime_alg_CMS3DESwrap)
        weak = WEAKNESS_3DES;
    X509_ALGOR_free(wrap);
    ERR_clear_error();
    return weak;
}

bool recipient_id_matches(const struct recipient_id *id, X509 *certificate)
{
    if (id->issuer != NULL && id->serial != NULL)
        return X509_NAME_cmp(id->issuer, X509_get_issuer_name(certificate)) == 0 &&
               ASN1_INTEGER_cmp(id->serial, X509_get0_serialNumber(certificate)) == 0;
    if (id->key_id != NULL) {
        const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(certificate);
        return key_id != NULL && ASN1_OCTET_STRING_cmp(id->key_id, key_id) == 0;
    }
    return false;
}
