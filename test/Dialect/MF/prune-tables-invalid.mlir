// RUN: not mf-opt %s --mf-prune-tables 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not mf-opt %s --mf-prune-tables="counts=%S/Inputs/counts.json at-most=-1" 2>&1 | FileCheck %s --check-prefix=ATMOST
// RUN: not mf-opt %s --mf-prune-tables=counts=%s 2>&1 | FileCheck %s --check-prefix=NOJSON
// RUN: not mf-opt %s --mf-prune-tables=counts=%S/Inputs/counts-list.json 2>&1 | FileCheck %s --check-prefix=LIST
// RUN: not mf-opt %s --mf-prune-tables=counts=%S/Inputs/counts-none.json 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not mf-opt %s --mf-prune-tables=counts=%S/Inputs/counts-tables.json 2>&1 | FileCheck %s --check-prefix=TABLES
// RUN: not mf-opt %s --mf-prune-tables=counts=%S/Inputs/counts-rows.json 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not mf-opt %s --mf-prune-tables=counts=%S/Inputs/counts-negative.json 2>&1 | FileCheck %s --check-prefix=NEGATIVE

// NOFILE: error: mf-prune-tables: cannot read '': No such file or directory
// ATMOST: error: mf-prune-tables: expects at-most to be 0 or more, found -1
// NOJSON: error: mf-prune-tables: '{{.*}}' is no JSON:
// LIST: error: mf-prune-tables: '{{.*}}' is no file of mf-run --count-codes: expects "format": "mf-code-counts" and an object "tables"
// NONE: error: 'mf.parameter' op expects counts of its rows; the file has none under this name
// TABLES: error: 'mf.parameter' op expects counts of 2 tables, found 1
// ROWS: error: 'mf.parameter' op expects counts of at most 4 rows of a table, found 5 for table 1
// NEGATIVE: error: mf-prune-tables: '{{.*}}', tables "t": expects counts to be integers from 0 on
mf.parameter @t : tensor<2x4x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @f(%c: tensor<?x2xi8>, %s: tensor<?x2xf32>, %e: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %t = mf.get_parameter @t : tensor<2x4x64xf32>
  %0 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%t : tensor<2x4x64xf32>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
