// Strategies of strips that contradict themselves.
// RUN: mf-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects row_bytes to be a multiple of 64, found 96}}
module attributes {a = #mf.cpu_strips<strips = 1, tables = 4, row_bytes = 96, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 16>} {}

// -----

// expected-error @below {{expects row_bytes to be a multiple of 64, found 0}}
module attributes {a = #mf.cpu_strips<strips = 1, tables = 4, row_bytes = 0, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 16>} {}

// -----

// expected-error @below {{expects gather_tokens and named_tokens to be 0 or more, found 4 and -1}}
module attributes {a = #mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = -1, gather_tokens = 4, gather_ahead = 4, lanes = 16>} {}
