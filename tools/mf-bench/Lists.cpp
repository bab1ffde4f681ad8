// Parses lists and ranges of numbers.
#include "Lists.h"
#include "Failure.h"

#include "llvm/ADT/SmallVector.h"

using namespace llvm;
using namespace mf::run;

/// More numbers are a slip of the keyboard.
static constexpr size_t maxNumbers = 4096;

namespace {
/// From `first` to `last`: each number is the one before, times `factor`, plus `step`.
struct Range {
  int64_t first = 0, last = 0, step = 1, factor = 1;
};
} // namespace

static bool parseNumber(StringRef text, int64_t least, int64_t &number) {
  return !text.getAsInteger(10, number) && number >= least && number <= INT32_MAX;
}

/// Whether `text` is a number or a range of numbers that grow.
static bool parseRange(StringRef text, int64_t least, Range &range) {
  auto [first, rest] = text.split('-');
  if (!parseNumber(first, least, range.first))
    return false;
  range.last = range.first;
  if (first.size() == text.size())
    return true;
  size_t sign = rest.find_first_of("+*");
  if (!parseNumber(rest.take_front(sign), range.first, range.last))
    return false;
  if (sign == StringRef::npos)
    return true;
  StringRef growth = rest.drop_front(sign + 1);
  if (rest[sign] == '+')
    return parseNumber(growth, 1, range.step);
  range.step = 0;
  return range.first > 0 && parseNumber(growth, 2, range.factor);
}

Expected<std::vector<int64_t>> mf::bench::parseList(StringRef option, StringRef text, int64_t least) {
  std::vector<int64_t> numbers;
  SmallVector<StringRef> items;
  text.split(items, ',');
  for (StringRef item : items) {
    Range range;
    if (!parseRange(item, least, range))
      return fail(ExitUsage, option + " expects numbers from " + Twine(least) +
                                 " on and ranges a-b, a-b+step, a-b*factor, separated by commas, found '" + item + "'");
    for (int64_t number = range.first; number <= range.last; number = number * range.factor + range.step) {
      if (numbers.size() == maxNumbers)
        return fail(ExitUsage, option + " expects at most " + Twine(maxNumbers) + " numbers, '" + text + "' has more");
      numbers.push_back(number);
    }
  }
  return numbers;
}
