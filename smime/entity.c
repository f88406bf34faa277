/* A MIME entity: what owns its header and body. */
#include "entity.h"

void entity_clear(struct entity *entity)
{
    if (entity == NULL)
        return;
    header_clear(&entity->header);
    spool_free(&entity->body);
}
