/* CMS structures of strangers, taken apart. What is taken apart stays within its ceilings, and the
 * same bytes with their content gathered say the same again. */
#include <stdint.h>
#include <stdlib.h>

#include "cms_layout.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct spool_options options = {.directory = "/tmp", .memory_bytes = 1 << 20};
static const struct smime_limits limits = {
    .max_structure_bytes = 1 << 16, .max_signers = 8, .max_certificates = 16};

static const struct smime_progress nobody = {0};

static void check(const struct cms_layout *layout, size_t size)
{
    if (layout->length > limits.max_structure_bytes || layout->length > 2 * size + 64 ||
        layout->signers > limits.max_signers || layout->certificates > limits.max_certificates ||
        layout->recipients > CMS_MAX_RECIPIENT_INFOS ||
        layout->algorithm_at + layout->algorithm_length > layout->length)
        abort();
    if (layout->has_content &&
        (layout->content_from < 0 || layout->content_from > layout->content_to ||
         layout->content_to > spool_size(layout->content)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spool *text = spool_new(&options);
    struct cms_layout layout;
    struct cms_layout again;
    CMS_ContentInfo *cms = NULL;
    struct spool *structure = NULL;
    char *why = NULL;
    if (text == NULL || spool_write(text, data, size) != 0)
        abort();
    (void)cms_peek(data, size);
    if (cms_layout_read(text, 0, (off_t)size, false, &limits, &nobody, &layout, &why) == SMIME_OK &&
        layout.kind != CMS_KIND_OTHER) {
        check(&layout, size);
        /* What was written without its content is read again as itself. */
        structure = spool_new(&options);
        if (structure == NULL || spool_write(structure, layout.structure, layout.length) != 0 ||
            cms_layout_read(structure, 0, (off_t)layout.length, false, &limits, &nobody, &again,
                            &why) != SMIME_OK ||
            again.kind != layout.kind || again.signers != layout.signers || again.has_content ||
            again.certificates != layout.certificates || again.recipients != layout.recipients)
            abort();
        cms_layout_clear(&again);
        cms = cms_layout_parse(&layout, NULL, &why);
        if (cms != NULL && CMS_get0_SignerInfos(cms) != NULL &&
            (size_t)sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)) != layout.signers)
            abort();
        CMS_ContentInfo_free(cms);
    }
    cms_layout_clear(&layout);
    spool_free(&structure);
    spool_free(&text);
    why_free(&why);
    return 0;
}
