/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * c = a b for a batch of matrices, in tiles. For a tile of c:
 *
 *	gemm_tile k=0 (into c) ---> tile_add ---> tile_add ---> ...
 *	gemm_tile k=1 ------------/             /
 *	gemm_tile k=2 -------------------------/
 *
 * The products are independent of each other; only their sum is a chain.
 */
#include <errno.h>

#include <pto/orch.h>

enum { GEMM_TILE, TILE_ADD };

struct bgemm {
	uint64_t batch, m, n, k, tile;
	float *a, *b, *c;
	float *products;	/* a tile for each but the first step of each chain */
};

static uint64_t tiles(uint64_t size, uint64_t tile)
{
	return (size + tile - 1) / tile;
}

static uint64_t extent(uint64_t size, uint64_t from, uint64_t tile)
{
	return size - from < tile ? size - from : tile;
}

/* The chain of the tile at (@row, @col) of c, where a, b, c are one batch's. */
static void build_tile(struct pto_orch *o, struct bgemm *g, float *a, float *b, float *c,
		       uint64_t row, uint64_t col)
{
	uint64_t m = extent(g->m, row, g->tile);
	uint64_t n = extent(g->n, col, g->tile);
	uint64_t to = (uint64_t)(c + row * g->n + col);
	int last = -1;

	for (uint64_t step = 0; step < g->k; step += g->tile) {
		uint64_t gemm[] = {
			(uint64_t)(a + row * g->k + step), (uint64_t)(b + step * g->n + col),
			to, m, n, extent(g->k, step, g->tile), g->k, g->n, g->n,
		};
		int product, sum;

		if (!step) {
			last = pto_orch_task(o, GEMM_TILE, PTO_ORCH_AIC, gemm, 9);
			continue;
		}
		uint64_t add[] = { (uint64_t)g->products, to, m, n, g->n };

		gemm[2] = (uint64_t)g->products;
		gemm[8] = n;
		g->products += g->tile * g->tile;
		product = pto_orch_task(o, GEMM_TILE, PTO_ORCH_AIC, gemm, 9);
		sum = pto_orch_task(o, TILE_ADD, PTO_ORCH_AIV, add, 5);
		pto_orch_edge(o, product, sum);
		pto_orch_edge(o, last, sum);
		last = sum;
	}
}

static void stage(struct pto_orch *o, struct bgemm *g, uint64_t *host)
{
	size_t a_bytes = g->batch * g->m * g->k * sizeof(float);
	size_t b_bytes = g->batch * g->k * g->n * sizeof(float);
	size_t c_bytes = g->batch * g->m * g->n * sizeof(float);
	uint64_t chains = g->batch * tiles(g->m, g->tile) * tiles(g->n, g->tile);
	size_t product_bytes = chains * (tiles(g->k, g->tile) - 1) *
			       g->tile * g->tile * sizeof(float);

	g->a = pto_orch_malloc(o, a_bytes);
	g->b = pto_orch_malloc(o, b_bytes);
	g->c = pto_orch_malloc(o, c_bytes);
	if (product_bytes)
		g->products = pto_orch_malloc(o, product_bytes);
	pto_orch_copy_in(o, g->a, (void *)host[0], a_bytes);
	pto_orch_copy_in(o, g->b, (void *)host[1], b_bytes);
	pto_orch_record(o, (void *)host[2], g->c, c_bytes);
}

/* args: a, b, c on the host, batch, m, n, k, tile */
int build_bgemm(struct pto_orch *o, uint64_t *args, int nargs)
{
	if (nargs != 8 || !args[7])
		return -EINVAL;

	struct bgemm g = {
		.batch = args[3], .m = args[4], .n = args[5], .k = args[6], .tile = args[7],
	};

	stage(o, &g, args);
	for (uint64_t i = 0; i < g.batch; i++) {
		float *a = g.a + i * g.m * g.k;
		float *b = g.b + i * g.k * g.n;
		float *c = g.c + i * g.m * g.n;

		for (uint64_t row = 0; row < g.m; row += g.tile)
			for (uint64_t col = 0; col < g.n; col += g.tile)
				build_tile(o, &g, a, b, c, row, col);
	}
	return 0;
}
