"""Runs the kernels of a module that has passed mf-gpu-pipeline, op by op, on numpy arrays: all threads of all blocks of a
launch at once, each value an array with an element per thread. Checks what a GPU would not: indices, alignment of vectors,
races in workgroup memory, reads of copies that are still on their way, shuffles and barriers that not all threads reach.
Counts table bytes and wavefronts of workgroup memory. An op that it does not know is an error, as in the contract."""

import re

import numpy as np

from gpu_text import KernelError, dtype_of

WARP = 32


class Memory:
    """A memref: a numpy array in global memory, or per block in workgroup memory."""

    def __init__(self, array, name, workgroup=False):
        self.array, self.name, self.workgroup = array, name, workgroup
        self.shape = array.shape[1:] if workgroup else array.shape
        self.flat = array.reshape(array.shape[0], -1) if workgroup else array.reshape(-1)


class Workgroup:
    """The workgroup memory of all blocks, of one element type, with who touched which element since the last barrier."""

    def __init__(self, blocks, shape, dtype):
        self.memory = Memory(np.full((blocks,) + shape, np.nan, dtype), "workgroup", True)
        self.epoch = 1
        size = self.memory.flat.shape
        self.write_epoch, self.writer = np.zeros(size, int), np.full(size, -1)
        self.read_epoch, self.reader = np.zeros(size, int), np.full(size, -1)
        self.pending = np.zeros(size, bool)

    def _conflict(self, epochs, owners, at, thread):
        return (epochs[at] == self.epoch) & (owners[at] != thread)

    def check_read(self, block, element, thread):
        at = (block, element)
        if self.pending[at].any():
            raise KernelError("workgroup memory is read while a copy to it is on its way")
        if self._conflict(self.write_epoch, self.writer, at, thread).any():
            raise KernelError("race in workgroup memory: a read of what another thread wrote, without a barrier between")
        # -2: more than one reader.
        several = (self.read_epoch[at] == self.epoch) & (self.reader[at] != thread)
        owner = np.where(several, -2, thread)
        self.read_epoch[at], self.reader[at] = self.epoch, owner
        # Threads that read one element in the same step.
        self.reader[at] = np.where(self.reader[at] == owner, self.reader[at], -2)

    def check_write(self, block, element, thread):
        at = (block, element)
        if (self._conflict(self.write_epoch, self.writer, at, thread) |
                self._conflict(self.read_epoch, self.reader, at, thread)).any():
            raise KernelError("race in workgroup memory: a write of what another thread touched, without a barrier between")


class Launch:
    def __init__(self, kernel, grid, arguments):
        self.threads, names, self.ops = kernel
        self.grid = tuple(grid) + (1,) * (3 - len(grid))
        self.blocks = int(np.prod(self.grid))
        self.count = self.blocks * self.threads
        self.thread = np.tile(np.arange(self.threads), self.blocks)
        self.block = np.repeat(np.arange(self.blocks), self.threads)
        self.env = {name: Memory(array, name) for name, array in zip(names, arguments)}
        self.workgroup = None
        self.open_copies, self.groups = [], []
        self.counts = {"copied_bytes": 0, "wavefronts": 0, "ideal_wavefronts": 0}

    def run(self):
        with np.errstate(all="ignore"):
            self.run_block(self.ops, np.ones(self.count, bool))
        return self.counts

    def run_block(self, ops, mask):
        for op in ops:
            if op.name in ("scf.yield", "gpu.return"):
                return [self.env[o] for o in op.operands]
            method = getattr(self, "op_" + op.name.replace(".", "_"), None)
            if not method:
                raise KernelError(f"no meaning for {op.name}")
            self.set(op, method(op, mask, *[self.env[o] for o in op.operands]))
        return []

    def set(self, op, value):
        if op.results == 1 and value is not None:
            self.env[op.result] = value
        for i in range(op.results if op.results > 1 else 0):
            self.env[f"{op.result}#{i}"] = value[i]

    def all_threads(self, x):
        return np.broadcast_to(x, (self.count,) + np.shape(x)[1:])

    # Memory.

    def element(self, memory, indices, mask, width):
        """Flat places of the active threads' accesses; checks each index against its dimension."""
        place = np.zeros(self.count, np.int64)
        for dim, (index, extent) in enumerate(zip(indices, memory.shape)):
            index = self.all_threads(index).astype(np.int64)
            last = index + (width - 1 if dim == len(indices) - 1 else 0)
            bad = mask & ((index < 0) | (last >= extent))
            if bad.any():
                raise KernelError(f"out of bounds: index {last[bad][0]} of dimension {dim} of {extent} of {memory.name}")
            place = place * extent + index
        return place[mask]

    def access(self, op, memory, indices, mask, width, alignment=1):
        places = self.element(memory, indices, mask, width)
        if (places * memory.flat.dtype.itemsize % alignment).any():
            raise KernelError(f"misaligned: {op.name} of {memory.name} at an element that is no multiple of {alignment} bytes")
        return places[:, None] + np.arange(width)

    def read(self, op, memory, indices, mask, width, alignment=1):
        at = self.access(op, memory, indices, mask, width, alignment)
        result = np.zeros((self.count, width), memory.flat.dtype)
        if memory.workgroup:
            block, thread = np.broadcast_to(self.block[mask][:, None], at.shape), self.thread[mask][:, None]
            self.workgroup.check_read(block, at, np.broadcast_to(thread, at.shape))
            self.count_wavefronts(at[:, 0] * memory.flat.dtype.itemsize, mask, alignment)
            result[mask] = memory.flat[block, at]
        else:
            result[mask] = memory.flat[at]
        return result

    def count_wavefronts(self, byte, mask, size):
        """A phase of a warp's access are as many lanes as have 128 bytes; a bank gives one word of 4 bytes at a time."""
        lanes = max(1, 128 // max(size, 4))
        phases = (np.flatnonzero(mask) // min(lanes, WARP))
        for phase in np.unique(phases):
            words = np.unique((byte[phases == phase][:, None] + np.arange(0, max(size, 4), 4)).ravel() // 4)
            self.counts["wavefronts"] += np.bincount(words % 32).max()
            self.counts["ideal_wavefronts"] += -(-len(words) // 32)

    def write(self, op, memory, indices, mask, value, width, alignment=1):
        at = self.access(op, memory, indices, mask, width, alignment)
        if memory.workgroup:
            raise KernelError("no meaning for stores to workgroup memory")
        value = self.all_threads(value)
        memory.flat[at] = value[mask].reshape(at.shape)

    def op_memref_load(self, op, mask, memory, *indices):
        return self.read(op, memory, indices, mask, 1)[:, 0]

    def op_vector_load(self, op, mask, memory, *indices):
        alignment = int(re.search(r"alignment = (\d+)", op.props).group(1))
        return self.read(op, memory, indices, mask, dtype_of(op.result_type)[1][0], alignment)

    def op_memref_store(self, op, mask, value, memory, *indices):
        self.write(op, memory, indices, mask, value, 1)

    def op_vector_store(self, op, mask, value, memory, *indices):
        alignment = int(re.search(r"alignment = (\d+)", op.props).group(1))
        self.write(op, memory, indices, mask, value, value.shape[1], alignment)

    def op_memref_dim(self, op, mask, memory, dim):
        return np.array([memory.shape[int(dim[0])]], np.uint64)

    def op_memref_get_global(self, op, mask):
        return None if op.results == 0 else "workgroup"

    def op_memref_view(self, op, mask, source, offset):
        assert source == "workgroup" and int(offset[0]) == 0
        dtype, shape = dtype_of(op.result_type)
        self.workgroup = Workgroup(self.blocks, shape, dtype)
        return self.workgroup.memory

    # Copies complete when they are waited for, not before.

    def op_nvgpu_device_async_copy(self, op, mask, destination, *rest):
        elements = int(re.search(r"dstElements = (\d+)", op.props).group(1))
        rank = len(destination.shape)
        to, source, index = rest[:rank], rest[rank], rest[rank + 1:]
        size = elements * destination.flat.dtype.itemsize
        at = self.access(op, destination, to, mask, elements, size)
        start = self.access(op, source, index, mask, elements, size)
        block = np.broadcast_to(self.block[mask][:, None], at.shape)
        thread = np.broadcast_to(self.thread[mask][:, None], at.shape)
        self.workgroup.check_write(block, at, thread)
        self.workgroup.pending[block, at] = True
        self.open_copies.append((block, at, thread, source, start))
        self.counts["copied_bytes"] += at.size * source.flat.dtype.itemsize
        return np.zeros(1)

    def op_nvvm_cp_async_commit_group(self, op, mask):
        self.need_all(mask, op)
        self.groups.append(self.open_copies)
        self.open_copies = []

    def op_nvvm_cp_async_wait_group(self, op, mask):
        self.need_all(mask, op)
        allowed = int(re.search(r"n = (\d+)", op.props).group(1))
        while len(self.groups) > allowed:
            for block, at, thread, source, start in self.groups.pop(0):
                self.workgroup.memory.flat[block, at] = source.flat[start]
                self.workgroup.pending[block, at] = False
                self.workgroup.write_epoch[block, at] = self.workgroup.epoch
                self.workgroup.writer[block, at] = thread

    # Threads among each other.

    def need_all(self, mask, op):
        per_block = mask.reshape(self.blocks, self.threads)
        if (per_block.any(1) != per_block.all(1)).any():
            raise KernelError(f"divergent: {op.name} is not reached by all threads of a block")

    def need_warps(self, mask, op):
        per_warp = mask.reshape(-1, WARP)
        if (per_warp.any(1) != per_warp.all(1)).any():
            raise KernelError(f"divergent: {op.name} is not reached by all threads of a warp")

    def op_gpu_barrier(self, op, mask):
        self.need_all(mask, op)
        if self.workgroup:
            self.workgroup.epoch += 1

    def op_gpu_shuffle(self, op, mask, value, lane, width):
        self.need_warps(mask, op)
        lanes = np.arange(self.count) % WARP
        operand = self.all_threads(lane).astype(np.int64)
        source = lanes ^ operand if "xor" in op.props else operand
        value = self.all_threads(value)
        return value[np.arange(self.count) // WARP * WARP + source % WARP], np.ones(1, bool)

    def op_nvvm_vote_sync(self, op, mask, members, predicate):
        self.need_warps(mask, op)
        bits = (self.all_threads(predicate) & mask).reshape(-1, WARP).astype(np.uint32)
        words = (bits << np.arange(WARP, dtype=np.uint32)).sum(1, dtype=np.uint32)
        return np.repeat(words, WARP)

    def op_gpu_thread_id(self, op, mask):
        return self.thread.astype(np.uint64)

    def op_gpu_block_id(self, op, mask):
        x, y, _ = self.grid
        dim = re.search(r"dim (\w)", op.props).group(1)
        return {"x": self.block % x, "y": self.block // x % y, "z": self.block // (x * y)}[dim].astype(np.uint64)

    # Control flow.

    def op_scf_for(self, op, mask, lower, upper, step, *initial):
        i, carried = self.all_threads(lower), [self.all_threads(v) for v in initial]
        while (active := mask & (i < upper)).any():
            self.env[op.args[0]] = i
            self.env.update(zip(op.args[1:], carried))
            new = self.run_block(op.regions[0], active)
            carried = [np.where(active.reshape((-1,) + (1,) * (old.ndim - 1)), self.all_threads(value), old)
                       for value, old in zip(new, carried)]
            i = i + step
        return carried[0] if op.results == 1 else carried

    def op_scf_if(self, op, mask, condition):
        condition = self.all_threads(condition)
        sides = []
        for region, active in zip(op.regions, (mask & condition, mask & ~condition)):
            if active.any() or op.results:
                sides.append(self.run_block(region, active))
        if not op.results:
            return None
        values = [np.where(condition.reshape((-1,) + (1,) * (np.ndim(a) - 1)), self.all_threads(a), self.all_threads(b))
                  for a, b in zip(*sides)]
        return values[0] if op.results == 1 else values

    # Values.

    def op_arith_constant(self, op, mask):
        dtype, shape = dtype_of(op.result_type)
        text = re.search(r"value = (?:dense<)?([^ >]+)", op.props).group(1)
        if text in ("true", "false"):
            value = text == "true"
        elif text.startswith("0x"):
            value = np.array(int(text, 16), np.uint32).view(np.float32)
        else:
            value = float(text) if "." in text else int(text)
        if np.issubdtype(dtype, np.unsignedinteger):
            value %= 1 << (8 * np.dtype(dtype).itemsize)
        return np.full((1,) + shape, value, dtype)

    def op_arith_cmpi(self, op, mask, x, y):
        signed = {np.dtype(np.uint64): np.int64, np.dtype(np.uint32): np.int32}.get(x.dtype, x.dtype)
        predicate = int(re.search(r"predicate = (\d+)", op.props).group(1))
        if 2 <= predicate <= 5:
            x, y, predicate = x.view(signed), y.view(signed), predicate + 4
        return {0: np.equal, 1: np.not_equal, 6: np.less, 7: np.less_equal, 8: np.greater,
                9: np.greater_equal}[predicate](x, y)

    def op_arith_cmpf(self, op, mask, x, y):
        predicate = int(re.search(r"predicate = (\d+)", op.props).group(1))
        return {1: np.equal, 2: np.greater, 3: np.greater_equal, 4: np.less, 5: np.less_equal}[predicate](x, y)

    def op_arith_select(self, op, mask, condition, x, y):
        return np.where(condition.reshape(condition.shape + (1,) * (x.ndim - condition.ndim)), x, y)

    def op_arith_bitcast(self, op, mask, x):
        return np.ascontiguousarray(x).view(dtype_of(op.result_type)[0])

    def op_arith_index_cast(self, op, mask, x):
        signed = {np.dtype(np.uint32): np.int32}.get(x.dtype, x.dtype)
        return x.view(signed).astype(np.int64).view(np.uint64)

    def convert(self, op, mask, x):
        return x.astype(dtype_of(op.result_type)[0])

    op_arith_extf = op_arith_extui = op_arith_trunci = op_arith_index_castui = convert

    def op_math_fma(self, op, mask, x, y, z):
        return (x.astype(np.float64) * y + z).astype(np.float32)

    def op_vector_broadcast(self, op, mask, x):
        return np.repeat(x[:, None], dtype_of(op.result_type)[1][0], axis=1)

    def op_vector_extract(self, op, mask, x):
        return x[:, int(re.search(r"static_position = array<i64: (\d+)>", op.props).group(1))]


def _binary(function):
    return lambda self, op, mask, *values: function(*values)


for _name, _function in {
        "arith_addf": np.add, "arith_subf": np.subtract, "arith_mulf": np.multiply, "arith_divf": np.divide,
        "arith_addi": np.add, "arith_subi": np.subtract, "arith_muli": np.multiply, "arith_divui": np.floor_divide,
        "arith_remui": np.remainder, "arith_minui": np.minimum, "arith_andi": np.bitwise_and,
        "arith_shli": np.left_shift, "arith_shrui": np.right_shift, "arith_negf": np.negative, "math_absf": np.abs, "math_sqrt": np.sqrt}.items():
    setattr(Launch, "op_" + _name, _binary(_function))


def known_ops():
    return {name[3:] for name in dir(Launch) if name.startswith("op_")} | {"scf_yield", "gpu_return"}
