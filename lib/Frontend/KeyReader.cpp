// Keys of a configuration: their types and ranges, and what is told where they have others.
#include "KeyReader.h"
#include "mf/Frontend/StrictJSON.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;
namespace json = llvm::json;
using llvm::Twine;

static std::string describeFound(const json::Value *value) { return value ? describeJSON(*value) : "none"; }

int64_t KeyReader::integer(StringRef key, int64_t least, int64_t most, std::optional<int64_t> absent) {
  const json::Value *value = get(key);
  if (absent && (!value || value->getAsNull()))
    return *absent;
  std::optional<int64_t> number = value ? value->getAsInteger() : std::nullopt;
  if (number && *number >= least && *number <= most)
    return *number;
  problem(key, "an integer in [" + Twine(least) + ", " + Twine(most) + "]", describeFound(value));
  return least;
}

double KeyReader::real(StringRef key, std::optional<double> absent, function_ref<bool(double)> accepts,
                       StringRef expected) {
  const json::Value *value = get(key);
  if (!value && absent)
    return *absent;
  std::optional<double> number = value ? value->getAsNumber() : std::nullopt;
  if (number && std::isfinite(*number) && accepts(*number))
    return *number;
  problem(key, expected, describeFound(value));
  return absent.value_or(0);
}

double KeyReader::positive(StringRef key, std::optional<double> absent) {
  return real(
      key, absent, [](double value) { return value > 0; }, "a positive number");
}

bool KeyReader::boolean(StringRef key, bool absent) {
  const json::Value *value = get(key);
  if (!value)
    return absent;
  if (std::optional<bool> word = value->getAsBoolean())
    return *word;
  problem(key, "true or false", describeJSON(*value));
  return absent;
}

size_t KeyReader::choice(StringRef key, ArrayRef<StringRef> choices, std::optional<size_t> absent) {
  const json::Value *value = get(key);
  if (!value && absent)
    return *absent;
  std::optional<StringRef> word = value ? value->getAsString() : std::nullopt;
  for (auto [index, name] : llvm::enumerate(choices))
    if (word == name)
      return index;
  problem(key, "\"" + llvm::join(choices, "\" or \"") + "\"", describeFound(value));
  return 0;
}

void KeyReader::fixed(StringRef key, const json::Value &supported, bool required) {
  const json::Value *value = get(key);
  if (value ? *value != supported : required)
    problem(key, describeJSON(supported), describeFound(value));
}

void KeyReader::checkUnknown() {
  for (StringRef key : sortedKeys(object))
    if (!known.contains(key))
      problem(key, "only keys that are supported or known to have no effect", describeFound(object.get(key)));
}
