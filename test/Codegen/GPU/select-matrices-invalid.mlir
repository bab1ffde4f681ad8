// RUN: mf-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expects warp_rows to be a multiple of 16 and warp_columns one of 32, found 32 and 24}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 48, features = 32, warp_rows = 32, warp_columns = 24, stages = 3, slice = 64, stream_tokens = 32>}

// -----

// expected-error @+1 {{expects rows and columns to be multiples of warp_rows and warp_columns, found 80 and 128}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 80, columns = 128, features = 32, warp_rows = 32, warp_columns = 32, stages = 3, slice = 64, stream_tokens = 32>}

// -----

// expected-error @+1 {{expects features to be a multiple of 16, found 24}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 128, features = 24, warp_rows = 32, warp_columns = 32, stages = 3, slice = 64, stream_tokens = 32>}

// -----

// expected-error @+1 {{expects stages to be 2 or more, found 1}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 32, warp_columns = 32, stages = 1, slice = 64, stream_tokens = 32>}

// -----

// Two sums of 64 x 32 results are 128 registers of each thread, other values 56.
// expected-error @+1 {{expects tiles that need at most 128 registers of each of 512 threads, found 184}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 256, columns = 128, features = 32, warp_rows = 64, warp_columns = 32, stages = 3, slice = 64, stream_tokens = 32>}

// -----

// expected-error @+1 {{expects slice to be a multiple of features, found 20}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 32, warp_columns = 32, stages = 3, slice = 20, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects stream_tokens to be 0 or more, found -1}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 32, warp_columns = 32, stages = 3, slice = 64, stream_tokens = -1>}

// -----

// expected-error @+1 {{expects warps to be in [1, 32], found 0}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_flash<warps = 0, keys = 64, split_tokens = 16>}

// -----

// expected-error @+1 {{expects keys to be a multiple of 32, found 48}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_flash<warps = 4, keys = 48, split_tokens = 16>}

// -----

// expected-error @+1 {{expects split_tokens to be 0 or more, found -1}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = -1>}
