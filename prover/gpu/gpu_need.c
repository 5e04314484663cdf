#include "gpu_need.h"

#include "cuda_layout.h"

enum { SM_COUNT = 132 }; /* of an H100 */

static struct cuda_room room_of(size_t bytes, unsigned sm_count, unsigned places)
{
    return (struct cuda_room){ .bytes = bytes - bytes / 20,
                               .sm_count = sm_count ? sm_count : SM_COUNT,
                               .places = places ? places : cuda_places_default(bytes) };
}

pv_status gpu_need(struct backend_need *need, const struct zkey *z, const struct gpu_need_card *card,
                   struct prove_error *err)
{
    struct cuda_sizes sizes;
    struct cuda_layout l;
    const struct cuda_room room = room_of(card->bytes, card->sm_count, card->places);
    cuda_sizes_of(&sizes, z, 0, 0);
    pv_status status = cuda_layout_for(&l, &sizes, &room);
    if (status == PV_NO_MEMORY)
        return prove_error_set(err, PV_RESOURCES, "this key and a proof with it do not fit into %zu MiB of GPU memory",
                               card->bytes >> 20);
    if (status != PV_OK) return prove_error_set(err, status, "this key is too large for the GPU's kernels");
    *need = (struct backend_need){ .key_bytes = l.key_bytes + l.building_bytes,
                                   .proof_bytes = l.place_bytes,
                                   .places = l.places,
                                   .place_host_bytes = l.pinned_bytes };
    need->slower = cuda_layout_slower(&need->best_bytes, &l, &sizes, room.sm_count);
    return PV_OK;
}

unsigned gpu_need_places(size_t card_bytes)
{
    return cuda_places_default(card_bytes);
}

size_t gpu_need_least(const struct zkey *z, unsigned sm_count)
{
    struct cuda_sizes sizes;
    struct cuda_layout l;
    size_t low = 0, high = (size_t)1 << 48;
    cuda_sizes_of(&sizes, z, 0, 0);
    struct cuda_room room = room_of(high, sm_count, 1);
    if (cuda_layout_for(&l, &sizes, &room) != PV_OK) return 0;
    while (high - low > high / 100) {
        size_t middle = low + (high - low) / 2;
        room = room_of(middle, sm_count, 1);
        if (cuda_layout_for(&l, &sizes, &room) == PV_OK)
            high = middle;
        else
            low = middle;
    }
    return high;
}
