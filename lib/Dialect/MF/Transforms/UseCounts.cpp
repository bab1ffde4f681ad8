// Reads counts of codes. The file is input from outside: nothing of its shape is taken for granted.
#include "UseCounts.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace mlir::mf;

static llvm::Error makeError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

static llvm::Expected<TableCounts> parseTables(const llvm::json::Value &value) {
  const llvm::json::Array *tables = value.getAsArray();
  if (!tables)
    return makeError("expects a list of tables");
  TableCounts counts;
  for (const llvm::json::Value &table : *tables) {
    const llvm::json::Array *uses = table.getAsArray();
    if (!uses)
      return makeError("expects a table to be a list of counts");
    std::vector<int64_t> &numbers = counts.emplace_back();
    for (const llvm::json::Value &use : *uses) {
      std::optional<int64_t> count = use.getAsInteger();
      if (!count || *count < 0)
        return makeError("expects counts to be integers from 0 on");
      numbers.push_back(*count);
    }
  }
  return counts;
}

llvm::Expected<UseCounts> mlir::mf::readUseCounts(StringRef path) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return makeError("cannot read '" + path + "': " + buffer.getError().message());
  llvm::Expected<llvm::json::Value> value = llvm::json::parse((*buffer)->getBuffer());
  if (!value)
    return makeError("'" + path + "' is no JSON: " + llvm::toString(value.takeError()));
  const llvm::json::Object *file = value->getAsObject();
  const llvm::json::Object *tables = file ? file->getObject("tables") : nullptr;
  if (!tables || file->getString("format").value_or("") != "mf-code-counts")
    return makeError("'" + path +
                     "' is no file of mf-run --count-codes: expects \"format\": \"mf-code-counts\" and an "
                     "object \"tables\"");
  UseCounts counts;
  for (const auto &entry : *tables) {
    llvm::Expected<TableCounts> parsed = parseTables(entry.second);
    if (!parsed)
      return makeError("'" + path + "', tables \"" + entry.first.str() + "\": " + llvm::toString(parsed.takeError()));
    counts[entry.first.str()] = std::move(*parsed);
  }
  return counts;
}
