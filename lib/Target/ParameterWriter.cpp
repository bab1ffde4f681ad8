// Writes parameter files. The unit of work is a digest block, so tensors of any size keep every thread busy, and no
// thread holds more than one block.
#include "mf/Target/ParameterWriter.h"
#include "DLPackType.h"
#include "ParameterSource.h"
#include "Quantization.h"
#include "mf/Runtime/ParameterFile.h"
#include "mf/Target/CompileError.h"
#include "mf/Target/PackedLayout.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"
#include <atomic>
#include <fcntl.h>
#include <mutex>
#include <thread>
#include <unistd.h>

using namespace mlir;
using namespace mlir::mf;

static_assert(llvm::endianness::native == llvm::endianness::little,
              "parameter files are written as they lie in memory");

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

llvm::Expected<SmallVector<ParameterOp>> mlir::mf::getIndexedParameters(ModuleOp module) {
  SmallVector<ParameterOp> parameters = llvm::to_vector(module.getOps<ParameterOp>());
  for (ParameterOp parameter : parameters)
    if (!parameter.getIndex())
      return makeError(ErrorKind::Compile, "parameter '" + parameter.getSymName() +
                                               "' has no index: the pass mf-pack-parameters gives it one");
  llvm::sort(parameters, [](ParameterOp a, ParameterOp b) { return *a.getIndex() < *b.getIndex(); });
  for (auto [index, parameter] : llvm::enumerate(parameters))
    if (*parameter.getIndex() != index)
      return makeError(ErrorKind::Compile, "parameter '" + parameter.getSymName() + "' has index " +
                                               Twine(*parameter.getIndex()) + ", expected " + Twine(index));
  return parameters;
}

static llvm::Expected<ParameterRecord> makeRecord(ParameterOp parameter) {
  auto type = cast<RankedTensorType>(parameter.getType());
  LayoutAttrInterface layout = parameter.getLayoutAttr();
  llvm::Expected<PackedLayout> packed = PackedLayout::get(layout, type.getShape());
  if (!packed)
    return packed.takeError();
  if (packed->getShape().size() > MF_MFP_MAX_RANK)
    return makeError(ErrorKind::InputModel, "parameter '" + parameter.getSymName() + "' has rank " +
                                                Twine(packed->getShape().size()) + ", a parameter file has at most " +
                                                Twine(MF_MFP_MAX_RANK));
  if (type.getElementType().isInteger(4) && packed->getElementsPerByte() != 2)
    return makeError(ErrorKind::InputModel,
                     "parameter '" + parameter.getSymName() + "' is of i4 and has no layout that stores two in a byte");
  ParameterRecord record;
  record.name = parameter.getSymName().str();
  if (layout && !layout.isIdentity())
    llvm::raw_string_ostream(record.layout) << layout;
  record.elementType =
      packed->getElementsPerByte() == 2 ? IntegerType::get(parameter.getContext(), 8) : type.getElementType();
  record.shape = llvm::to_vector(packed->getShape());
  record.bytes = uint64_t(packed->getNumElements()) * (record.elementType.getIntOrFloatBitWidth() / 8);
  return record;
}

llvm::Expected<ParameterFile> mlir::mf::planParameterFile(ArrayRef<ParameterOp> parameters) {
  ParameterFile file;
  if (parameters.empty())
    return file;
  file.headerBytes = sizeof(mf_mfp_header) + parameters.size() * sizeof(mf_mfp_tensor);
  for (ParameterOp parameter : parameters) {
    llvm::Expected<ParameterRecord> record = makeRecord(parameter);
    if (!record)
      return record.takeError();
    file.headerBytes += record->name.size() + record->layout.size() + 2;
    file.records.push_back(std::move(*record));
  }
  file.fileBytes = file.headerBytes;
  for (ParameterRecord &record : file.records) {
    record.offset =
        llvm::alignTo(file.fileBytes, record.bytes >= MF_MFP_LARGE_BYTES ? MF_MFP_LARGE_BYTES : MF_MFP_ALIGNMENT);
    file.fileBytes = record.offset + record.bytes;
  }
  return file;
}

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

/// The digest of bytes whose blocks have these digests.
static uint64_t digestOfBlocks(ArrayRef<uint64_t> blocks) {
  return llvm::xxHash64(ArrayRef(reinterpret_cast<const uint8_t *>(blocks.data()), blocks.size() * sizeof(uint64_t)));
}

static uint64_t digestOf(ArrayRef<uint8_t> bytes) {
  SmallVector<uint64_t> blocks;
  for (; !bytes.empty(); bytes = bytes.drop_front(std::min<size_t>(bytes.size(), MF_MFP_DIGEST_BLOCK)))
    blocks.push_back(llvm::xxHash64(bytes.take_front(MF_MFP_DIGEST_BLOCK)));
  return digestOfBlocks(blocks);
}

static mf_mfp_tensor encodeRecord(const ParameterRecord &record) {
  mf_mfp_tensor tensor = {};
  mf_rt_dtype dtype = *getDLPackType(record.elementType);
  tensor.dtype_code = dtype.code;
  tensor.dtype_bits = dtype.bits;
  tensor.rank = record.shape.size();
  llvm::copy(record.shape, tensor.shape);
  tensor.offset = record.offset;
  tensor.bytes = record.bytes;
  tensor.digest = record.digest;
  return tensor;
}

/// The header's bytes; sets the file's digest.
static std::vector<uint8_t> encodeHeader(ParameterFile &file) {
  std::vector<uint8_t> bytes(file.headerBytes);
  mf_mfp_header header = {};
  std::memcpy(header.magic, MF_MFP_MAGIC, sizeof(header.magic));
  header.version = MF_MFP_VERSION;
  header.tensor_count = file.records.size();
  header.header_bytes = file.headerBytes;
  header.file_bytes = file.fileBytes;
  size_t place = sizeof(header), string = place + file.records.size() * sizeof(mf_mfp_tensor);
  auto addString = [&](StringRef text) {
    llvm::copy(text, bytes.begin() + string);
    return std::exchange(string, string + text.size() + 1);
  };
  for (const ParameterRecord &record : file.records) {
    mf_mfp_tensor tensor = encodeRecord(record);
    tensor.name_offset = addString(record.name);
    tensor.layout_offset = addString(record.layout);
    std::memcpy(bytes.data() + place, &tensor, sizeof(tensor));
    place += sizeof(tensor);
  }
  std::memcpy(bytes.data(), &header, sizeof(header));
  file.digest = header.header_digest = digestOf(bytes);
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

static std::error_code writeFully(int descriptor, const void *data, uint64_t bytes, uint64_t offset) {
  const char *next = static_cast<const char *>(data);
  while (bytes > 0) {
    ssize_t count = pwrite(descriptor, next, bytes, offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return std::error_code(count < 0 ? errno : ENOSPC, std::generic_category());
    next += count;
    offset += count;
    bytes -= count;
  }
  return {};
}

/// Asks for the whole file at once, so that a full disk is an early error. Not every file system can.
static std::error_code reserve(int descriptor, uint64_t bytes) {
  while (fallocate(descriptor, 0, 0, bytes) != 0) {
    if (errno == ENOSPC || errno == EFBIG || errno == EDQUOT)
      return std::error_code(errno, std::generic_category());
    if (errno != EINTR)
      return ftruncate(descriptor, bytes) == 0 ? std::error_code() : std::error_code(errno, std::generic_category());
  }
  return {};
}

namespace {
/// A tensor while its blocks are written.
struct TensorWork {
  PackedLayout layout;
  std::unique_ptr<ParameterSource> source;
  const ParameterRecord *record;
  int64_t elementBytes;
  size_t firstBlock; ///< in the numbering over all tensors
  size_t numBlocks;
  std::atomic<size_t> blocksLeft;

  TensorWork(PackedLayout layout, std::unique_ptr<ParameterSource> source, const ParameterRecord &record,
             size_t firstBlock)
      : layout(std::move(layout)), source(std::move(source)), record(&record),
        elementBytes(record.elementType.getIntOrFloatBitWidth() / 8), firstBlock(firstBlock),
        numBlocks(llvm::divideCeil(record.bytes, uint64_t(MF_MFP_DIGEST_BLOCK))), blocksLeft(numBlocks) {}

  /// Writes the stored elements [begin, end) to `buffer`.
  void fill(int64_t begin, int64_t end, char *buffer) const;

private:
  void read(PackedRun run, int64_t first, int64_t last, char *buffer) const;
};

/// The loop over the blocks of all tensors, shared by its threads.
class BlockWriter {
public:
  BlockWriter(int descriptor, const ParameterWriterOptions &options)
      : descriptor(descriptor), options(options), sources(options.jobs) {}

  llvm::Error addTensor(ParameterOp parameter, ParameterRecord &record);
  std::error_code run();
  uint64_t getDigest(size_t tensor) const {
    return digestOfBlocks(ArrayRef(digests).slice(tensors[tensor]->firstBlock, tensors[tensor]->numBlocks));
  }

private:
  void work();
  std::error_code writeBlock(TensorWork &tensor, size_t block, char *buffer);
  void report(uint64_t bytes);

  int descriptor;
  const ParameterWriterOptions &options;
  ParameterSources sources;
  std::vector<std::unique_ptr<TensorWork>> tensors;
  std::vector<uint64_t> digests;
  uint64_t totalBytes = 0;

  std::atomic<size_t> nextBlock{0};
  std::mutex mutex; ///< of what follows
  std::error_code error;
  uint64_t doneBytes = 0;
};
} // namespace

/// Elements [first, last) of a half or of a whole run; `count` of the run are there.
void TensorWork::read(PackedRun run, int64_t first, int64_t last, char *buffer) const {
  int64_t count = std::max<int64_t>(0, std::min(last, run.count) - first);
  source->read(run.offset + first * run.stride, run.stride, count, buffer);
  std::memset(buffer + count * elementBytes, 0, (last - first - count) * elementBytes);
}

void TensorWork::fill(int64_t begin, int64_t end, char *buffer) const {
  int64_t length = layout.getRunLength();
  SmallVector<char> high(layout.getElementsPerByte() == 2 ? length : 0);
  while (begin < end) {
    int64_t index = begin / length, first = begin % length, last = std::min(length, first + end - begin);
    read(layout.getRun(index), first, last, buffer);
    if (!high.empty()) {
      read(layout.getRun(index, /*part=*/1), first, last, high.data());
      for (int64_t i = 0; i < last - first; ++i)
        buffer[i] = static_cast<char>((buffer[i] + 8) | (high[i] + 8) << 4);
    }
    buffer += (last - first) * elementBytes;
    begin += last - first;
  }
}

llvm::Error BlockWriter::addTensor(ParameterOp parameter, ParameterRecord &record) {
  auto type = cast<RankedTensorType>(parameter.getType());
  llvm::Expected<PackedLayout> layout = PackedLayout::get(parameter.getLayoutAttr(), type.getShape());
  if (!layout)
    return layout.takeError();
  llvm::Expected<std::unique_ptr<ParameterSource>> source = sources.open(parameter);
  if (!source)
    return source.takeError();
  tensors.push_back(std::make_unique<TensorWork>(std::move(*layout), std::move(*source), record, digests.size()));
  digests.resize(digests.size() + tensors.back()->numBlocks);
  totalBytes += record.bytes;
  if (!isa<QuantizedAttr>(parameter.getSource()))
    return llvm::Error::success();
  auto quantization = sources.getQuantization(parameter);
  if (!quantization)
    return quantization.takeError();
  record.relativeError = (*quantization)->relativeError;
  return llvm::Error::success();
}

std::error_code BlockWriter::writeBlock(TensorWork &tensor, size_t block, char *buffer) {
  uint64_t offset = uint64_t(block - tensor.firstBlock) * MF_MFP_DIGEST_BLOCK;
  uint64_t bytes = std::min<uint64_t>(MF_MFP_DIGEST_BLOCK, tensor.record->bytes - offset);
  tensor.fill(offset / tensor.elementBytes, (offset + bytes) / tensor.elementBytes, buffer);
  digests[block] = llvm::xxHash64(ArrayRef(reinterpret_cast<const uint8_t *>(buffer), bytes));
  if (std::error_code failed = writeFully(descriptor, buffer, bytes, tensor.record->offset + offset))
    return failed;
  if (--tensor.blocksLeft == 0)
    tensor.source->release();
  report(bytes);
  return {};
}

void BlockWriter::report(uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex);
  uint64_t step = totalBytes / 200 + 1, before = doneBytes;
  doneBytes += bytes;
  if (options.progress && before / step != doneBytes / step)
    options.progress(doneBytes, totalBytes);
}

void BlockWriter::work() {
  std::unique_ptr<char[]> buffer(new char[MF_MFP_DIGEST_BLOCK]);
  for (size_t block; (block = nextBlock++) < digests.size();) {
    auto tensor = std::prev(
        llvm::upper_bound(tensors, block, [](size_t block, const auto &tensor) { return block < tensor->firstBlock; }));
    if (std::error_code failed = writeBlock(**tensor, block, buffer.get())) {
      nextBlock = digests.size();
      std::lock_guard<std::mutex> lock(mutex);
      error = failed;
    }
  }
}

std::error_code BlockWriter::run() {
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < options.jobs; ++i)
    threads.emplace_back([this] { work(); });
  work();
  for (std::thread &thread : threads)
    thread.join();
  return error;
}

llvm::Error mlir::mf::writeParameterFile(ArrayRef<ParameterOp> parameters, ParameterFile &file, int descriptor,
                                         StringRef path, const ParameterWriterOptions &options) {
  BlockWriter writer(descriptor, options);
  for (auto [parameter, record] : llvm::zip_equal(parameters, file.records))
    if (llvm::Error error = writer.addTensor(parameter, record))
      return error;
  std::error_code error = reserve(descriptor, file.fileBytes);
  if (!error)
    error = writer.run();
  if (error)
    return makeIOError("cannot write " + Twine(file.fileBytes) + " bytes of parameters to", path, error);
  for (auto [index, record] : llvm::enumerate(file.records))
    record.digest = writer.getDigest(index);
  std::vector<uint8_t> header = encodeHeader(file);
  if (std::error_code failed = writeFully(descriptor, header.data(), header.size(), 0))
    return makeIOError("cannot write the header of", path, failed);
  return llvm::Error::success();
}
