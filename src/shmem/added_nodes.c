/*
 * Nodes that were added; see added_nodes.h.
 *
 * Runs in: the monitor writes; every process reads.
 * Locks: none.
 */
#include "postgres.h"

#include "node_list.h"
#include "port/atomics.h"
#include "shmem/added_nodes.h"

typedef struct MtmAddedNodes
{
	pg_atomic_uint32 last;
	char		strings[MTM_MAX_NODES][MTM_ADDED_STRING_SIZE];
} MtmAddedNodes;

static MtmAddedNodes *added = NULL;

Size
MtmAddedNodesSize(void)
{
	return sizeof(MtmAddedNodes);
}

void
MtmAddedNodesInit(void *at, bool found)
{
	added = at;
	if (found)
		return;
	memset(added, 0, sizeof(MtmAddedNodes));
	pg_atomic_init_u32(&added->last, 0);
}

bool
MtmAddedNodePut(int node_id, const char *conn_string)
{
	if (node_id <= MtmAddedNodesLast())
		return true;
	if (node_id != Max(MtmAddedNodesLast(), MtmFounderCount()) + 1 ||
		node_id > MTM_MAX_NODES)
		return false;
	strlcpy(added->strings[node_id - 1], conn_string, MTM_ADDED_STRING_SIZE);
	pg_write_barrier();
	pg_atomic_write_u32(&added->last, node_id);
	return true;
}

int
MtmAddedNodesLast(void)
{
	int			last = added ? pg_atomic_read_u32(&added->last) : 0;

	pg_read_barrier();
	return last;
}

const char *
MtmAddedNodeString(int node_id)
{
	Assert(node_id > MtmFounderCount() && node_id <= MtmAddedNodesLast());
	return added->strings[node_id - 1];
}
