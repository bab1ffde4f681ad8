// Checkpoint directories: finding the safetensors files and checking an index against its shards.
#include "mf/Frontend/Checkpoint.h"
#include "mf/Frontend/RegularFile.h"
#include "mf/Frontend/StrictJSON.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"
#include <map>
#include <set>

using namespace mlir::mf;
namespace json = llvm::json;
using llvm::StringRef;
using llvm::Twine;

static constexpr StringRef kSingleName = "model.safetensors";
static constexpr StringRef kIndexName = "model.safetensors.index.json";

static std::string joinPath(StringRef directory, StringRef name) {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

/// Whether `name` is a file of the index's own directory: an index must not lead to other places.
static bool isPlainFileName(StringRef name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(StringRef("/\\:\0", 4)) == StringRef::npos;
}

namespace {
/// Reads an index and its shards.
class IndexReader {
public:
  IndexReader(StringRef directory, Problems &problems)
      : directory(directory), path(joinPath(directory, kIndexName)), problems(problems) {}

  std::optional<Checkpoint> read();

private:
  std::optional<json::Object> readIndex();
  void readWeightMap(const json::Object &index);
  void readShard(StringRef shard, const std::set<std::string> &names);
  void checkTotalSize(const json::Object &index);

  StringRef directory;
  std::string path;
  Problems &problems;
  /// What `weight_map` says: the tensors of each shard.
  std::map<std::string, std::set<std::string>> shards;
  Checkpoint checkpoint;
};
} // namespace

std::optional<json::Object> IndexReader::readIndex() {
  std::optional<RegularFile> file = RegularFile::open(path, problems);
  if (!file)
    return std::nullopt;
  return parseStrictJSON(file->bytes(), path, "", problems);
}

void IndexReader::readWeightMap(const json::Object &index) {
  const json::Object *map = index.getObject("weight_map");
  if (!map) {
    const json::Value *value = index.get("weight_map");
    return problems.add(path, "weight_map", "an object of file names", value ? describeJSON(*value) : "none");
  }
  for (StringRef name : sortedKeys(*map)) {
    std::optional<StringRef> shard = map->getString(name);
    if (!shard || !isPlainFileName(*shard))
      problems.add(path, name, "the name of a file in the same directory", describeJSON(*map->get(name)));
    else
      shards[shard->str()].insert(name.str());
  }
}

void IndexReader::readShard(StringRef shard, const std::set<std::string> &names) {
  std::string shardPath = joinPath(directory, shard);
  std::optional<SafetensorsFile> file = readSafetensors(shardPath, problems);
  if (!file)
    return;
  std::set<std::string> missing = names;
  for (TensorRecord &tensor : file->tensors) {
    if (!missing.erase(tensor.name)) {
      problems.add(shardPath, tensor.name, "only tensors that " + kIndexName + " places here", tensor.describe());
      continue;
    }
    std::string name = tensor.name;
    checkpoint.tensors[name] = {std::move(tensor), shardPath};
  }
  for (const std::string &name : missing)
    problems.add(shardPath, name, "the tensor, as " + kIndexName + " says", "none");
}

void IndexReader::checkTotalSize(const json::Object &index) {
  const json::Object *metadata = index.getObject("metadata");
  const json::Value *value = metadata ? metadata->get("total_size") : nullptr;
  if (!value)
    return;
  uint64_t total = 0;
  for (const auto &entry : checkpoint.tensors)
    total += entry.second.record.bytes;
  // Written as a floating-point number by some tools.
  std::optional<int64_t> found = value->getAsInteger();
  if (!found || static_cast<uint64_t>(*found) != total)
    problems.add(path, "metadata.total_size", Twine(total) + " bytes, the sum of all tensors", describeJSON(*value));
}

std::optional<Checkpoint> IndexReader::read() {
  size_t before = problems.size();
  std::optional<json::Object> index = readIndex();
  if (!index)
    return std::nullopt;
  checkpoint.path = path;
  readWeightMap(*index);
  for (const auto &[shard, names] : shards)
    readShard(shard, names);
  if (problems.size() == before)
    checkTotalSize(*index);
  if (problems.size() != before)
    return std::nullopt;
  return std::move(checkpoint);
}

static std::optional<Checkpoint> readSingle(StringRef path, Problems &problems) {
  std::optional<SafetensorsFile> file = readSafetensors(path, problems);
  if (!file)
    return std::nullopt;
  Checkpoint checkpoint;
  checkpoint.path = path.str();
  for (TensorRecord &tensor : file->tensors) {
    std::string name = tensor.name;
    checkpoint.tensors[name] = {std::move(tensor), path.str()};
  }
  return checkpoint;
}

std::optional<Checkpoint> mlir::mf::readCheckpoint(StringRef directory, Problems &problems) {
  std::string single = joinPath(directory, kSingleName);
  bool hasSingle = llvm::sys::fs::exists(single);
  bool hasIndex = llvm::sys::fs::exists(joinPath(directory, kIndexName));
  if (hasSingle == hasIndex) {
    problems.add(directory, "", "either " + kSingleName + " or " + kIndexName, hasSingle ? "both" : "neither");
    return std::nullopt;
  }
  return hasSingle ? readSingle(single, problems) : IndexReader(directory, problems).read();
}
