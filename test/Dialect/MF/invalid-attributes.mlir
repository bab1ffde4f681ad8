// Attributes of the dialect on modules, functions, arguments and results.
// RUN: mf-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects 'mf.config' to be a string, found 3 : i64}}
module attributes {mf.config = 3} {}

// -----

// expected-error @below {{expects 'mf.target' to be #mf.cpu_target, found "x86-64-v3"}}
module attributes {mf.target = "x86-64-v3"} {}

// -----

// expected-error @below {{expects 'name' to be a C identifier, found "my model"}}
module attributes {mf.language_model = #mf.language_model<name = "my model", vocabulary = 512, max_positions = 64>} {}

// -----

// expected-error @below {{expects 'mf.language_model' on a module, found it on 'func.func'}}
func.func private @language_model() attributes {
  mf.language_model = #mf.language_model<name = "lm", vocabulary = 512, max_positions = 64>}

// -----

// expected-error @below {{expects the dimension "m" of operand "x" to be one of ["n"]}}
func.func private @entry(!mf.frame) attributes {
  mf.entry = #mf.entry<dims = ["n"], operands = [<name = "x", role = input, type = tensor<?xf32>, dims = ["m"]>]>}

// -----

// expected-error @below {{expects 'mf.name' to be a string that is not empty, found ""}}
func.func private @name(tensor<?xf32> {mf.name = ""})

// -----

// expected-error @below {{expects 'mf.dims' to have a name per dimension of 'tensor<?x4xf32>', found ["n"]}}
func.func private @dims_rank(tensor<?x4xf32> {mf.dims = ["n"]})

// -----

// expected-error @below {{expects 'mf.dims' to have a name for each dynamic dimension of 'tensor<?x4xf32>' and "" for each static one, found ["n", "m"]}}
func.func private @dims_static(tensor<?x4xf32> {mf.dims = ["n", "m"]})

// -----

// expected-error @below {{expects 'mf.dims' to have a name for each dynamic dimension}}
func.func private @dims_result() -> (tensor<?x4xf32> {mf.dims = ["", ""]})

// -----

// expected-error @below {{expects 'mf.state' without a value or with a #mf.cache_layout, found true}}
func.func private @state(tensor<?xf32> {mf.state = true})

// -----

// expected-error @below {{expects 'mf.name', 'mf.dims' or 'mf.state' on an argument or a result, found 'mf.nmae'}}
func.func private @unknown(tensor<?xf32> {mf.nmae = "x"})

// -----

// expected-error @below {{expects 'mf.strategies' to be an array of #mf.strategy_rule, found "fast"}}
module attributes {mf.strategies = "fast"} {}

// -----

// expected-error @below {{expects 'mf.strategies' to be an array of #mf.strategy_rule, found 3 : i64 in it}}
module attributes {mf.strategies = [3]} {}

// -----

// expected-error @below {{expects op to be the name of an op of the dialect mf, found "arith.addf"}}
func.func private @rule() attributes {rule = #mf.strategy_rule<op = "arith.addf", strategy = #mf.cpu_rows<tokens = 4, lanes = 2>>}

// -----

// expected-error @below {{expects first of 0 or more, rows of 1 or more, and stride of rows or more, found 0, 4 and 3}}
func.func private @row_blocks() attributes {source = #mf.row_blocks<source = #mf.fill<1.0 : f64>, first = 0, rows = 4, stride = 3>}

// -----

// expected-error @below {{expects a source of elements as they are, found #mf.rounded}}
func.func private @row_blocks_of_rounded() attributes {source = #mf.row_blocks<source = #mf.rounded<source = #mf.fill<1.0 : f64>>, first = 0, rows = 4, stride = 4>}
