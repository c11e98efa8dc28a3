/* Percentiles of latencies in bounded memory: exact below 1024 ms, above to 0.2 %. */
#ifndef GATE104_PROXY_CLI_LOG_LATENCY_H
#define GATE104_PROXY_CLI_LOG_LATENCY_H

#include <stdint.h>

#define LOG_LATENCY_CELLS (512u * 56u)

struct log_latency {
    uint64_t n, sum, min, max;
    uint64_t cell[LOG_LATENCY_CELLS];
};

/* Larger numbers than the log can hold (2^53) count as that. */
void log_latency_add(struct log_latency *l, uint64_t ms);
/* The smallest latency that `percent` of all do not exceed; 0 if there is none. */
uint64_t log_latency_percentile(const struct log_latency *l, unsigned int percent);

#endif
