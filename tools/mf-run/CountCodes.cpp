// Counts how often a text uses each row of each table, with the entry point that mf-compile --trace-codes adds.
#include "Run.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <algorithm>

using namespace llvm;
using namespace mf::run;

namespace {
/// The codes of one parameter of tables.
struct Codes {
  std::string name;
  DLDataType dtype;
  int64_t tables;
  /// Of each table, up to the last code that came.
  std::vector<std::vector<int64_t>> counts = {};
};
} // namespace

//===----------------------------------------------------------------------===//
// Token ids
//===----------------------------------------------------------------------===//

static Expected<std::vector<int32_t>> readNpyIds(StringRef path) {
  auto array = readNpy(path);
  if (!array)
    return array.takeError();
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < array->getElementCount(); ++i)
    ids.push_back(static_cast<int32_t>(array->getElement(i)));
  return ids;
}

/// The ids of an .npy file, or of a text of ids that spaces, ends of lines or commas separate.
static Expected<std::vector<int32_t>> readIds(StringRef path) {
  if (path.ends_with(".npy"))
    return readNpyIds(path);
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return fail(ExitFile, "cannot read '" + path + "': " + buffer.getError().message());
  std::vector<int32_t> ids;
  StringRef rest = (*buffer)->getBuffer();
  while (!(rest = rest.ltrim(" \t\r\n,")).empty()) {
    StringRef word = rest.take_until([](char c) { return isSpace(c) || c == ','; });
    int32_t id;
    if (word.getAsInteger(10, id))
      return fail(ExitFile, "'" + path + "': expected token ids, found '" + word.take_front(20) + "'");
    ids.push_back(id);
    rest = rest.drop_front(word.size());
  }
  return ids;
}

static Expected<std::vector<int32_t>> collectIds(const Library &library, const CountSettings &settings) {
  std::vector<int32_t> ids(settings.ids.begin(), settings.ids.end());
  if (!settings.idsFile.empty()) {
    auto read = readIds(settings.idsFile);
    if (!read)
      return read.takeError();
    ids.insert(ids.end(), read->begin(), read->end());
  }
  if (ids.empty())
    return fail(ExitUsage, "--count-codes: expected token ids, give --ids or --ids-file");
  for (int32_t id : ids)
    if (id < 0 || (library.isLanguageModel() && id >= library.getVocabulary()))
      return fail(ExitUsage, "--count-codes: expected ids below the vocabulary of " + Twine(library.getVocabulary()) +
                                 ", found " + Twine(id));
  return ids;
}

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

/// The results of the entry "codes".
static Expected<std::vector<Codes>> describeCodes(const Library &library) {
  std::vector<Codes> codes;
  const json::Array none;
  const json::Array *entries = library.getInfo().getArray("entries");
  for (const json::Value &value : entries ? *entries : none) {
    const json::Object *entry = value.getAsObject();
    if (!entry || entry->getString("name").value_or("") != "codes")
      continue;
    const json::Array *operands = entry->getArray("operands");
    for (const json::Value &item : operands ? *operands : none) {
      const json::Object *operand = item.getAsObject();
      if (!operand || operand->getString("role").value_or("") != "output")
        continue;
      const json::Array *shape = operand->getArray("shape");
      std::optional<int64_t> tables = shape && shape->size() == 2 ? (*shape)[1].getAsInteger() : std::nullopt;
      auto dtype = parseDtype(operand->getString("dtype").value_or(""));
      if (!dtype)
        return dtype.takeError();
      if (!tables)
        return fail(ExitLibrary, "the library's information describes the entry 'codes' in an unknown way");
      codes.push_back({operand->getString("name").value_or("").str(), *dtype, *tables});
      codes.back().counts.resize(*tables);
    }
  }
  if (codes.empty())
    return fail(ExitUsage, "--count-codes: the library tells no codes; compile it with --trace-codes");
  return codes;
}

static void addCounts(Codes &codes, const Array &array) {
  uint64_t mask = (uint64_t(1) << codes.dtype.bits) - 1;
  for (int64_t i = 0; i < array.getElementCount(); ++i) {
    // Codes are unsigned.
    uint64_t code = static_cast<uint64_t>(static_cast<int64_t>(array.getElement(i))) & mask;
    std::vector<int64_t> &counts = codes.counts[i % codes.tables];
    if (code >= counts.size())
      counts.resize(code + 1);
    ++counts[code];
  }
}

/// Counts the codes of one sequence.
static Error countWindow(const Model &model, ArrayRef<int32_t> ids, MutableArrayRef<Codes> codes) {
  auto tokens = Array::create({kDLInt, 32, 1}, int64_t(ids.size()));
  if (!tokens)
    return tokens.takeError();
  std::copy(ids.begin(), ids.end(), reinterpret_cast<int32_t *>(tokens->data->getBufferStart()));
  std::vector<Array> arrays;
  for (const Codes &each : codes) {
    auto array = Array::create(each.dtype, {int64_t(ids.size()), each.tables});
    if (!array)
      return array.takeError();
    arrays.push_back(std::move(*array));
  }
  DLTensor input = tokens->getTensor();
  const DLTensor *inputs[] = {&input};
  std::vector<DLTensor> tensors;
  for (Array &array : arrays)
    tensors.push_back(array.getTensor());
  std::vector<DLTensor *> outputs;
  for (DLTensor &tensor : tensors)
    outputs.push_back(&tensor);
  const Library &library = model.getLibrary();
  if (Error error = library.check(
          library.getAPI().call(model.get(), "codes", inputs, 1, outputs.data(), static_cast<int32_t>(outputs.size()))))
    return error;
  for (auto [each, array] : zip(codes, arrays))
    addCounts(each, array);
  return Error::success();
}

static Error writeCounts(ArrayRef<Codes> codes, size_t tokens, StringRef path) {
  // Through a temporary file: a count that fails leaves the old one.
  Error error = writeToOutput(path, [&](raw_ostream &os) {
    json::OStream json(os);
    json.object([&] {
      json.attribute("format", "mf-code-counts");
      json.attribute("tokens", int64_t(tokens));
      json.attributeObject("tables", [&] {
        for (const Codes &each : codes)
          json.attributeArray(each.name, [&] {
            for (const std::vector<int64_t> &counts : each.counts)
              json.array([&] {
                for (int64_t count : counts)
                  json.value(count);
              });
          });
      });
    });
    os << '\n';
    return Error::success();
  });
  return error ? fail(ExitFile, "cannot write " + toString(std::move(error))) : Error::success();
}

Error mf::run::countCodes(const Model &model, const CountSettings &settings, raw_ostream &os) {
  const Library &library = model.getLibrary();
  auto codes = describeCodes(library);
  if (!codes)
    return codes.takeError();
  auto ids = collectIds(library, settings);
  if (!ids)
    return ids.takeError();
  int64_t most = library.isLanguageModel() ? library.getMaxPositions() : int64_t(ids->size());
  int64_t window = settings.window > 0 ? settings.window : std::min<int64_t>(most, 512);
  if (settings.window < 0 || window > most)
    return fail(ExitUsage, "--window: expected 1 to " + Twine(most) + " tokens, found " + Twine(settings.window));
  for (size_t begin = 0; begin < ids->size(); begin += window) {
    size_t count = std::min<size_t>(window, ids->size() - begin);
    if (Error error = countWindow(model, ArrayRef(*ids).slice(begin, count), *codes))
      return error;
  }
  if (Error error = writeCounts(*codes, ids->size(), settings.file))
    return error;
  int64_t used = 0;
  for (const Codes &each : *codes)
    for (const std::vector<int64_t> &counts : each.counts)
      used += counts.size() - std::count(counts.begin(), counts.end(), 0);
  os << ids->size() << " tokens used " << used << " rows of " << codes->size() << " sets of tables\n";
  return Error::success();
}
