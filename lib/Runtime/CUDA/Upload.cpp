// Parameters into the memory of the device, through two pinned buffers: one is filled while the other one travels.
#include "Device.h"

#include "../Error.h"
#include "../ParameterHeader.h"

#include <stdlib.h>
#include <string.h>

namespace mf::rt::cuda {

namespace {
/// The way of one file.
struct Upload {
  static constexpr uint64_t mostBytes = 8u << 20;
  const Device &device;
  const mf_progress *progress;
  const Driver &driver = *device.driver;
  uint64_t pieceBytes = mostBytes;
  Stream stream = nullptr;
  void *buffers[2] = {};
  Event events[2] = {};

  Upload(const Device &device, const mf_progress *progress) : device(device), progress(progress) {}
  ~Upload();
  mf_status prepare(uint64_t bytes);
  mf_status copy(Address to, const unsigned char *from, uint64_t bytes);

private:
  mf_status check(Result error, const char *function) const {
    return error ? driver.failWith(error, "cuda:%d: parameters: %s", device.ordinal, function) : MF_OK;
  }
  mf_status awaitBuffer(uint64_t piece, uint64_t total) const;
  mf_status copyPiece(uint64_t piece, Address to, const unsigned char *from, uint64_t bytes);
  void tell(uint64_t done, uint64_t total) const {
    if (progress)
      progress->report(progress->context, done, total);
  }
};
} // namespace

Upload::~Upload() {
  if (stream)
    driver.streamSynchronize(stream);
  for (int i = 0; i < 2; ++i) {
    if (events[i])
      driver.eventDestroy(events[i]);
    if (buffers[i])
      driver.hostFree(buffers[i]);
  }
  if (stream)
    driver.streamDestroy(stream);
}

mf_status Upload::prepare(uint64_t bytes) {
  if (bytes < pieceBytes)
    pieceBytes = bytes;
  if (mf_status status = check(driver.streamCreate(&stream, streamNonBlocking), "cuStreamCreate"))
    return status;
  for (int i = 0; i < 2; ++i) {
    if (mf_status status = check(driver.hostAllocate(&buffers[i], pieceBytes, 0), "cuMemHostAlloc"))
      return status;
    if (mf_status status = check(driver.eventCreate(&events[i], eventDisableTiming), "cuEventCreate"))
      return status;
  }
  return MF_OK;
}

/// Waits until the buffer of a piece may be filled again: all pieces but the one before have arrived then.
mf_status Upload::awaitBuffer(uint64_t piece, uint64_t total) const {
  if (piece < 2)
    return MF_OK;
  if (mf_status status = check(driver.eventSynchronize(events[piece % 2]), "cuEventSynchronize"))
    return status;
  tell((piece - 1) * pieceBytes, total);
  return MF_OK;
}

mf_status Upload::copyPiece(uint64_t piece, Address to, const unsigned char *from, uint64_t bytes) {
  void *buffer = buffers[piece % 2];
  memcpy(buffer, from, bytes);
  if (mf_status status = check(driver.copyToDevice(to, buffer, bytes, stream), "cuMemcpyHtoDAsync"))
    return status;
  return check(driver.eventRecord(events[piece % 2], stream), "cuEventRecord");
}

mf_status Upload::copy(Address to, const unsigned char *from, uint64_t bytes) {
  tell(0, bytes);
  for (uint64_t done = 0, piece = 0; done < bytes; done += pieceBytes, ++piece) {
    uint64_t rest = bytes - done;
    if (mf_status status = awaitBuffer(piece, bytes))
      return status;
    if (mf_status status = copyPiece(piece, to + done, from + done, rest < pieceBytes ? rest : pieceBytes))
      return status;
  }
  if (mf_status status = check(driver.streamSynchronize(stream), "cuStreamSynchronize"))
    return status;
  tell(bytes, bytes);
  return MF_OK;
}

/// The range of the file that holds data.
static void findRange(const mf_mfp_header *header, uint64_t &begin, uint64_t &end) {
  begin = end = 0;
  for (uint32_t i = 0; i < header->tensor_count; ++i) {
    const mf_mfp_tensor &tensor = tensorRecords(header)[i];
    begin = i == 0 ? tensor.offset : begin;
    end = tensor.offset + tensor.bytes > end ? tensor.offset + tensor.bytes : end;
  }
}

mf_status copyParameters(Device &device, const Parameters &parameters, const mf_progress *progress) {
  const mf_mfp_header *header = parameters.header;
  if (!header)
    return MF_OK;
  uint64_t begin, end;
  findRange(header, begin, end);
  if (mf_status status = checkFree(device, end - begin, "parameters"))
    return status;
  const void **data = static_cast<const void **>(calloc(size_t(header->tensor_count) + 1, sizeof(void *)));
  if (!data)
    return fail(MF_OUT_OF_MEMORY, "cuda:%d: out of memory", device.ordinal);
  mf_status status = allocate(device, end - begin, "parameters", device.parameters);
  if (!status && end > begin) {
    Upload upload(device, progress);
    status = upload.prepare(end - begin);
    if (!status)
      status = upload.copy(device.parameters, parameters.base + begin, end - begin);
  }
  if (status) {
    free(data);
    if (device.parameters)
      device.driver->memoryFree(device.parameters);
    device.parameters = 0;
    return status;
  }
  for (uint32_t i = 0; i < header->tensor_count; ++i)
    data[i] = reinterpret_cast<const void *>(device.parameters + (tensorRecords(header)[i].offset - begin));
  device.parameterBytes = end - begin;
  device.parameterData = data;
  return MF_OK;
}

} // namespace mf::rt::cuda
