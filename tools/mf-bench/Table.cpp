// Writes tables.
#include "Table.h"
#include "Machine.h"
#include "mf/Target/LibraryPlan.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

#include <cmath>

using namespace llvm;
using namespace mf::bench;

/// Four digits that mean something, and no exponent where a reader can do without.
static std::string formatNumber(double number) {
  int digits = number == 0 ? 0 : static_cast<int>(std::floor(std::log10(std::fabs(number)))) + 1;
  std::string text;
  raw_string_ostream(text) << format("%.*f", std::clamp(4 - digits, 0, 6), number);
  return text;
}

static std::string formatForReaders(const json::Value &value) {
  if (value.kind() == json::Value::Null)
    return "-";
  if (auto text = value.getAsString())
    return text->str();
  if (auto integer = value.getAsInteger())
    return itostr(*integer);
  return formatNumber(value.getAsNumber().value_or(0));
}

static void writeMarkdownRow(ArrayRef<std::string> cells, ArrayRef<size_t> widths, ArrayRef<bool> isNumber,
                             raw_ostream &os) {
  for (auto [cell, width, right] : zip_equal(cells, widths, isNumber))
    os << "| " << (right ? right_justify(cell, width) : left_justify(cell, width)) << ' ';
  os << "|\n";
}

static void writeMarkdown(ArrayRef<Row> rows, const Row &facts, raw_ostream &os) {
  for (const Cell &fact : facts)
    os << fact.name << ": " << formatForReaders(fact.value) << "  \n";
  os << '\n';
  std::vector<std::vector<std::string>> texts;
  std::vector<size_t> widths;
  SmallVector<bool> isNumber;
  texts.emplace_back();
  for (const Cell &cell : rows.front()) {
    texts.front().push_back(cell.name.str());
    isNumber.push_back(cell.value.kind() != json::Value::String);
  }
  for (const Row &row : rows) {
    texts.emplace_back();
    for (const Cell &cell : row)
      texts.back().push_back(formatForReaders(cell.value));
  }
  for (size_t i = 0; i < rows.front().size(); ++i) {
    widths.push_back(3);
    for (const std::vector<std::string> &cells : texts)
      widths[i] = std::max(widths[i], cells[i].size());
  }
  writeMarkdownRow(texts.front(), widths, isNumber, os);
  for (auto [width, right] : zip_equal(widths, isNumber))
    os << "| " << std::string(width - 1, '-') << (right ? ':' : '-') << ' ';
  os << "|\n";
  for (const std::vector<std::string> &cells : drop_begin(texts))
    writeMarkdownRow(cells, widths, isNumber, os);
}

/// RFC 4180: quoted where a comma, a quote or the end of a line is in it.
static void writeCSVField(StringRef text, raw_ostream &os) {
  if (text.find_first_of(",\"\n") == StringRef::npos) {
    os << text;
    return;
  }
  os << '"';
  for (char c : text)
    os << (c == '"' ? "\"\"" : StringRef(&c, 1));
  os << '"';
}

static void writeCSVRow(const Row &facts, const Row &row, function_ref<std::string(const Cell &)> getText,
                        raw_ostream &os) {
  ListSeparator comma(",");
  for (const Row *part : {&facts, &row})
    for (const Cell &cell : *part) {
      os << comma;
      writeCSVField(getText(cell), os);
    }
  os << '\n';
}

static std::string formatForPrograms(const json::Value &value) {
  if (value.kind() == json::Value::Null)
    return "";
  if (auto text = value.getAsString())
    return text->str();
  std::string text;
  raw_string_ostream(text) << value;
  return text;
}

static void writeJSONLine(const Row &facts, const Row &row, raw_ostream &os) {
  json::OStream stream(os);
  stream.object([&] {
    for (const Row *part : {&facts, &row})
      for (const Cell &cell : *part)
        stream.attribute(cell.name, cell.value);
  });
  os << '\n';
}

void Table::write(Format format, const Row &facts, raw_ostream &os) const {
  if (rows.empty())
    return;
  if (format == Format::Markdown)
    return writeMarkdown(rows, facts, os);
  if (format == Format::CSV)
    writeCSVRow(
        facts, rows.front(), [](const Cell &cell) { return cell.name.str(); }, os);
  for (const Row &row : rows)
    if (format == Format::CSV)
      writeCSVRow(
          facts, row, [](const Cell &cell) { return formatForPrograms(cell.value); }, os);
    else
      writeJSONLine(facts, row, os);
}

Row mf::bench::describeRun() {
  const Machine &machine = getMachine();
  return {{"cpu", machine.cpu}, {"features", machine.features}, {"compiler", "mf " + mlir::mf::getCompilerVersion()}};
}
