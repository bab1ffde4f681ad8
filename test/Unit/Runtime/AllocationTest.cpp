// A step allocates nothing: the linker routes the allocation functions through counters.
#include "FakeModel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <sys/mman.h>

static std::atomic<int> allocations;

extern "C" {
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
int __real_posix_memalign(void **memory, size_t alignment, size_t bytes);
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);

void *__wrap_malloc(size_t bytes) { return ++allocations, __real_malloc(bytes); }
void *__wrap_calloc(size_t count, size_t bytes) { return ++allocations, __real_calloc(count, bytes); }
void *__wrap_realloc(void *memory, size_t bytes) { return ++allocations, __real_realloc(memory, bytes); }
int __wrap_posix_memalign(void **memory, size_t alignment, size_t bytes) {
  return ++allocations, __real_posix_memalign(memory, alignment, bytes);
}
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  return ++allocations, __real_mmap(address, bytes, protection, flags, file, offset);
}
}

using namespace mf::test;

TEST(Allocation, isCounted) {
  int before = allocations;
  OpenModel model;
  EXPECT_GT(allocations, before);
}

TEST(Allocation, noneInStepForkSampleAndForward) {
  OpenModel model;
  OpenSession session(model.model, 4, 5);
  int32_t sequence = session.add(), forked = -1, token = -1;
  std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<float> logits(8 * vocabulary);
  Tensor tokens(ids.data(), i32, {8}), batch(ids.data(), i32, {2, 4}), last(logits.data(), f32, {1, vocabulary}),
      all(logits.data(), f32, {2, 4, vocabulary}), row(logits.data(), f32, {vocabulary});
  mf_feed feed = {sequence, &tokens.tensor, MF_LOGITS_LAST};
  mf_sampling sampling = {sizeof(sampling), 1, 5, 0.9f, 1, 2};
  int before = allocations;
  mf_status statuses[] = {api().step(session.session, &feed, 1, &last.tensor),
                          api().sequence_fork(session.session, sequence, 5, &forked),
                          api().forward(session.session, &batch.tensor, &all.tensor),
                          api().sample(session.session, &row.tensor, &sampling, &token),
                          api().sequence_truncate(session.session, sequence, 2),
                          api().sequence_remove(session.session, forked)};
  int after = allocations;
  EXPECT_EQ(after, before);
  for (mf_status status : statuses)
    EXPECT_EQ(status, MF_OK);
}
