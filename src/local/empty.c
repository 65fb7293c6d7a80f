/* Placeholder until the layer's first file stands. */
typedef int sat_empty_local;
