// RUN: mf-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expects warp_rows and warp_columns to be multiples of 16, found 64 and 24}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 48, features = 32, warp_rows = 64, warp_columns = 24, stages = 3, registers = 168, slice = 64, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects rows and columns to be multiples of warp_rows and warp_columns, found 96 and 128}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 96, columns = 128, features = 32, warp_rows = 64, warp_columns = 32, stages = 3, registers = 168, slice = 64, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects features to be a multiple of 16 of which each of 256 threads takes 8 at a time, found 24}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 128, features = 24, warp_rows = 64, warp_columns = 32, stages = 3, registers = 168, slice = 64, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects stages to be 2 or more, found 1}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 64, warp_columns = 32, stages = 1, registers = 168, slice = 64, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects registers to be in [32, 255], found 256}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 64, warp_columns = 32, stages = 3, registers = 256, slice = 64, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects slice to be a multiple of 8, found 20}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 64, warp_columns = 32, stages = 3, registers = 168, slice = 20, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects stream_tokens to be 0 or more, found -1}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 64, warp_columns = 32, stages = 3, registers = 168, slice = 64, stream_tokens = -1>}

// -----

// expected-error @+1 {{expects warps to be in [1, 32], found 0}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_flash<warps = 0, keys = 64, split_tokens = 16, registers = 168>}

// -----

// expected-error @+1 {{expects keys to be a multiple of 32, found 48}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_flash<warps = 4, keys = 48, split_tokens = 16, registers = 168>}

// -----

// expected-error @+1 {{expects split_tokens to be 0 or more, found -1}}
func.func private @f() attributes {strategy = #mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = -1, registers = 168>}
