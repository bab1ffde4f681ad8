// Results as rows of named values, written as Markdown, CSV or JSON lines.
#ifndef MF_TOOLS_MF_BENCH_TABLE_H
#define MF_TOOLS_MF_BENCH_TABLE_H

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <vector>

namespace mf::bench {

enum class Format { Markdown, CSV, JSONLines };

/// A value with the name of its column; null: not measured. Values own their text: a StringRef is of static storage.
struct Cell {
  llvm::StringRef name; ///< of static storage
  llvm::json::Value value;
};

using Row = std::vector<Cell>;

/// Rows with the same columns.
class Table {
public:
  void add(Row row) { rows.push_back(std::move(row)); }
  bool empty() const { return rows.empty(); }

  /// Writes all rows. `facts` hold for every row: CSV and JSON lines repeat them in each, Markdown puts them before the
  /// table. Numbers have four digits in Markdown.
  void write(Format format, const Row &facts, llvm::raw_ostream &os) const;

private:
  std::vector<Row> rows;
};

/// Facts about machine and compiler: cpu, features, compiler.
Row describeRun();

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_TABLE_H
