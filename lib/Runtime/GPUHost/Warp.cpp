// What the lanes of a warp do together: shuffles, ballots, matrices. The last lane that comes has it done for all.
#include "Block.h"

namespace mf::rt::gpu {

static Thread &getThread(mf_rt_gpu_thread *thread) { return *reinterpret_cast<Thread *>(thread); }

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

/// PTX, "shfl.sync".
static int getSource(const Thread &thread, int lane) {
  int operand = int(thread.operand % kWarp), source = lane;
  switch (thread.mode) {
  case MF_RT_GPU_SHUFFLE_INDEX:
    return operand;
  case MF_RT_GPU_SHUFFLE_XOR:
    return lane ^ operand;
  case MF_RT_GPU_SHUFFLE_UP:
    source = lane - operand;
    break;
  case MF_RT_GPU_SHUFFLE_DOWN:
    source = lane + operand;
    break;
  }
  return source >= 0 && source < kWarp ? source : lane;
}

static void shuffle(Thread *const *lanes, uint32_t) {
  uint32_t values[kWarp];
  for (int lane = 0; lane < kWarp; ++lane)
    values[lane] = lanes[lane]->value;
  for (int lane = 0; lane < kWarp; ++lane)
    lanes[lane]->value = values[getSource(*lanes[lane], lane)];
}

static void ballot(Thread *const *lanes, uint32_t mask) {
  uint32_t word = 0;
  for (int lane = 0; lane < kWarp; ++lane)
    if ((mask >> lane & 1) && lanes[lane]->value)
      word |= uint32_t(1) << lane;
  for (int lane = 0; lane < kWarp; ++lane)
    if (mask >> lane & 1)
      lanes[lane]->value = word;
}

/// A barrier of some lanes orders these alone: that is not noted, so a race may be told of that is none.
static void passBarrier(Thread *const *lanes, uint32_t mask) {
  if (mask == ~uint32_t(0))
    lanes[0]->block->passWarpBarrier(*lanes[0]);
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

/// `operand` matrices; `mode` says whether they are transposed, inputs[0] is the lane's row.
static void loadMatrices(Thread *const *lanes, uint32_t) {
  int matrices = int(lanes[0]->operand);
  for (int lane = 0; lane < kWarp; ++lane) {
    auto *out = static_cast<uint32_t *>(lanes[lane]->output);
    for (int matrix = 0; matrix < matrices; ++matrix) {
      auto row = [&](int number) { return static_cast<const char *>(lanes[8 * matrix + number]->inputs[0]); };
      if (!lanes[lane]->mode) {
        memcpy(&out[matrix], row(lane / 4) + 4 * (lane % 4), 4);
        continue;
      }
      uint16_t pair[2];
      for (int i = 0; i < 2; ++i)
        memcpy(&pair[i], row(2 * (lane % 4) + i) + 2 * (lane / 4), 2);
      memcpy(&out[matrix], pair, 4);
    }
  }
}

static float widenHalf(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff, word;
  if (exponent == 0) {
    // Subnormals are multiples of 2^-24.
    float magnitude = float(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  word = exponent == 0x1f ? sign | 0x7f800000 | fraction << 13 : sign | (exponent + 112) << 23 | fraction << 13;
  float result;
  memcpy(&result, &word, sizeof(result));
  return result;
}

static float widenBfloat(uint16_t bits) {
  uint32_t word = uint32_t(bits) << 16;
  float result;
  memcpy(&result, &word, sizeof(result));
  return result;
}

/// Half `half` of word `word` of a lane's fragment.
static float getElement(const void *fragment, int word, int half, int type) {
  uint16_t bits;
  memcpy(&bits, static_cast<const char *>(fragment) + 4 * word + 2 * half, sizeof(bits));
  return type == MF_RT_GPU_F16 ? widenHalf(bits) : widenBfloat(bits);
}

/// f32 without what a product of tf32 does not see.
static float getWide(const void *fragment, int word) {
  uint32_t bits;
  memcpy(&bits, static_cast<const char *>(fragment) + 4 * word, sizeof(bits));
  bits &= 0xffffe000;
  float result;
  memcpy(&result, &bits, sizeof(result));
  return result;
}

/// PTX, "Matrix Fragments for mma.m16n8k16 with floating point type": with group g = lane / 4 and t = lane % 4, word w
/// of a has row g + 8 (w % 2) and columns 2 t + 8 (w / 2) + {0, 1}; word w of b has column g and rows 2 t + 8 w + {0,
/// 1}; word w of c and d has row g + 8 (w / 2) and column 2 t + w % 2. Of tf32 a word has one column of a, t + 4 (w /
/// 2), and one row of b, t + 4 w.
static void multiplyMatrices(Thread *const *lanes, uint32_t) {
  float a[16][16], b[16][8];
  int type = lanes[0]->mode, depth = type == MF_RT_GPU_TF32 ? 8 : 16;
  for (int lane = 0; lane < kWarp; ++lane) {
    int group = lane / 4, t = lane % 4;
    if (type == MF_RT_GPU_TF32) {
      for (int word = 0; word < 4; ++word)
        a[group + 8 * (word % 2)][t + 4 * (word / 2)] = getWide(lanes[lane]->inputs[0], word);
      for (int word = 0; word < 2; ++word)
        b[t + 4 * word][group] = getWide(lanes[lane]->inputs[1], word);
      continue;
    }
    for (int half = 0; half < 2; ++half) {
      for (int word = 0; word < 4; ++word)
        a[group + 8 * (word % 2)][2 * t + 8 * (word / 2) + half] = getElement(lanes[lane]->inputs[0], word, half, type);
      for (int word = 0; word < 2; ++word)
        b[2 * t + 8 * word + half][group] = getElement(lanes[lane]->inputs[1], word, half, type);
    }
  }
  for (int lane = 0; lane < kWarp; ++lane)
    for (int word = 0; word < 4; ++word) {
      int row = lane / 4 + 8 * (word / 2), column = 2 * (lane % 4) + word % 2;
      float sum = static_cast<const float *>(lanes[lane]->inputs[2])[word];
      for (int k = 0; k < depth; ++k)
        sum += a[row][k] * b[k][column];
      static_cast<float *>(lanes[lane]->output)[word] = sum;
    }
}

} // namespace mf::rt::gpu

//===----------------------------------------------------------------------===//
// What generated code calls
//===----------------------------------------------------------------------===//

using namespace mf::rt::gpu;

static constexpr uint32_t allLanes = ~uint32_t(0);

uint32_t mf_rt_gpu_shuffle(mf_rt_gpu_thread *visible, int32_t site, uint32_t value, uint32_t operand, int32_t mode) {
  Thread &thread = getThread(visible);
  thread.value = value;
  thread.operand = operand;
  thread.mode = mode;
  thread.block->waitForWarp(thread, site, allLanes, shuffle);
  return thread.value;
}

uint32_t mf_rt_gpu_ballot(mf_rt_gpu_thread *visible, int32_t site, uint32_t mask, uint32_t predicate) {
  Thread &thread = getThread(visible);
  thread.value = predicate;
  thread.block->waitForWarp(thread, site, mask, ballot);
  return thread.value;
}

void mf_rt_gpu_warp_barrier(mf_rt_gpu_thread *visible, int32_t site, uint32_t mask) {
  Thread &thread = getThread(visible);
  thread.block->waitForWarp(thread, site, mask, passBarrier);
}

void mf_rt_gpu_load_matrices(mf_rt_gpu_thread *visible, int32_t site, int64_t address, int32_t matrices,
                             int32_t transposed, uint32_t *out) {
  Thread &thread = getThread(visible);
  // The addresses of other lanes are not looked at.
  if (thread.block->isChecked() && thread.visible.thread % kWarp < 8 * matrices)
    thread.block->access(thread, site, address);
  thread.inputs[0] = reinterpret_cast<const void *>(address);
  thread.operand = uint32_t(matrices);
  thread.mode = transposed;
  thread.output = out;
  thread.block->waitForWarp(thread, site, allLanes, loadMatrices);
}

void mf_rt_gpu_multiply_matrices(mf_rt_gpu_thread *visible, int32_t site, int32_t type, const uint32_t *a,
                                 const uint32_t *b, const float *c, float *d) {
  Thread &thread = getThread(visible);
  thread.inputs[0] = a;
  thread.inputs[1] = b;
  thread.inputs[2] = c;
  thread.output = d;
  thread.mode = type;
  thread.block->waitForWarp(thread, site, allLanes, multiplyMatrices);
}

void mf_rt_gpu_barrier(mf_rt_gpu_thread *thread, int32_t site) {
  getThread(thread).block->waitForBlock(getThread(thread), site);
}

void mf_rt_gpu_check_index(mf_rt_gpu_thread *thread, int32_t site, int32_t dimension, int64_t index, int64_t extent,
                           int64_t count) {
  getThread(thread).block->checkIndex(getThread(thread), site, dimension, index, extent, count);
}

void mf_rt_gpu_access(mf_rt_gpu_thread *thread, int32_t site, int64_t address) {
  getThread(thread).block->access(getThread(thread), site, address);
}

void mf_rt_gpu_enter(mf_rt_gpu_thread *thread, int32_t region) { getThread(thread).block->enter(region); }

void mf_rt_gpu_copy(mf_rt_gpu_thread *visible, int64_t to, int64_t from, int32_t bytes, int32_t fromBytes) {
  Thread &thread = getThread(visible);
  thread.block->copy(thread, {to, from, bytes, fromBytes, thread.openGroup});
}

void mf_rt_gpu_close_copies(mf_rt_gpu_thread *thread) { ++getThread(thread).openGroup; }

void mf_rt_gpu_await_copies(mf_rt_gpu_thread *thread, int32_t groups) {
  getThread(thread).block->awaitCopies(getThread(thread), uint32_t(groups));
}
