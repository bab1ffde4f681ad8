// Ops that go row by row, a warp per row: the lanes take pieces of 16 bytes in turn, sums are per lane, then of a warp.
#include "Kernels.h"
#include "RowKernel.h"
#include "mf/Codegen/CPU/VectorMath.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"

using namespace mlir;
using namespace mlir::mf;

void mf::forEachRow(GPUKernelBuilder &k, GPURowsAttr strategy, Value init, ValueRange memrefs,
                    function_ref<void(const KernelRow &)> body) {
  constexpr int64_t vectorWidth = 4;
  int64_t size = cast<MemRefType>(init.getType()).getDimSize(1);
  bool hasVectors = size % vectorWidth == 0 && llvm::all_of(memrefs, [&](Value memref) {
                      return GPUKernelBuilder::hasAlignedRows(memref, vectorWidth);
                    });
  Value thread = k.thread();
  Value token = k.add(k.mul(k.block(gpu::Dimension::x), strategy.getWarps()), k.div(thread, kWarpThreads));
  k.ifThen(k.isBelow(token, k.dim(init, 0)), [&] {
    body({k, token, k.rem(thread, kWarpThreads), size, hasVectors ? vectorWidth : 1});
  });
}

void mf::buildGPUAdd(AddOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  forEachRow(k, strategy, op.getInit(), {op.getA(), op.getB(), op.getInit()}, [&](const KernelRow &row) {
    row.forEachPiece([&](Value column) {
      Value a = k.load(op.getA(), {row.token, column}, row.width);
      Value b = op.isBias() ? k.load(op.getB(), column, row.width) : k.load(op.getB(), {row.token, column}, row.width);
      k.store(k.addF(a, b), op.getInit(), {row.token, column});
    });
  });
}

/// A row of panels: one column of a panel, whose elements are as far apart as the panel is wide.
static void buildEmbeddingOfPanels(EmbeddingOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  int64_t columns = op.getLayoutAttr().getColumns();
  forEachRow(k, strategy, op.getInit(), op.getInit(), [&](const KernelRow &row) {
    Value id = k.loadClamped(op.getIds(), row.token, k.mul(k.dim(op.getTable(), 0), columns));
    k.loop(row.lane, k.index(row.size), k.index(kWarpThreads), [&](Value feature) {
      Value element = k.load(op.getTable(), {k.div(id, columns), feature, k.rem(id, columns)}, 1);
      k.store(element, op.getInit(), {row.token, feature});
    });
  });
}

void mf::buildGPUEmbedding(EmbeddingOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  if (op.getLayoutAttr())
    return buildEmbeddingOfPanels(op, strategy, k);
  forEachRow(k, strategy, op.getInit(), {op.getTable(), op.getInit()}, [&](const KernelRow &row) {
    Value id = k.loadClamped(op.getIds(), row.token, k.dim(op.getTable(), 0));
    row.forEachPiece([&](Value column) {
      k.store(k.load(op.getTable(), {id, column}, row.width), op.getInit(), {row.token, column});
    });
  });
}

/// Calls body(head, feature) for the lane's places in [heads, features].
static void forEachPlace(const KernelRow &row, int64_t heads, int64_t features, function_ref<void(Value, Value)> body) {
  GPUKernelBuilder &k = row.k;
  if (features > 0)
    k.loop(row.lane, k.index(heads * features), k.index(kWarpThreads),
           [&](Value place) { body(k.div(place, features), k.rem(place, features)); });
}

void mf::buildGPURope(RopeOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  auto type = cast<MemRefType>(op.getInit().getType());
  int64_t half = cast<MemRefType>(op.getAngles().getType()).getDimSize(1);
  forEachRow(k, strategy, op.getInit(), {op.getX()}, [&](const KernelRow &row) {
    Value position = k.loadClamped(op.getPositions(), row.token, k.dim(op.getAngles(), 0));
    forEachPlace(row, type.getDimSize(1), half, [&](Value head, Value i) {
      // Both are read before either is written: the destination may be x itself.
      Value low = k.load(op.getX(), {row.token, head, i}, 1), upper = k.add(i, half);
      Value high = k.load(op.getX(), {row.token, head, upper}, 1);
      Value cosine = k.load(op.getAngles(), {position, i, k.index(0)}, 1);
      Value sine = k.load(op.getAngles(), {position, i, k.index(1)}, 1);
      Value minusSine = arith::NegFOp::create(k.builder(), sine);
      k.store(k.fma(low, cosine, k.mulF(high, minusSine)), op.getInit(), {row.token, head, i});
      k.store(k.fma(high, cosine, k.mulF(low, sine)), op.getInit(), {row.token, head, upper});
    });
    forEachPlace(row, type.getDimSize(1), type.getDimSize(2) - 2 * half, [&](Value head, Value i) {
      Value at = k.add(i, 2 * half);
      k.store(k.load(op.getX(), {row.token, head, at}, 1), op.getInit(), {row.token, head, at});
    });
  });
}

void mf::buildGPURMSNorm(RMSNormOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  forEachRow(k, strategy, op.getInit(), {op.getX(), op.getScale(), op.getInit()}, [&](const KernelRow &row) {
    auto load = [&](Value column) { return k.load(op.getX(), {row.token, column}, row.width); };
    Value squares = row.sum([&](Value sum, Value column) {
      Value x = load(column);
      return k.fma(x, x, sum);
    });
    Value mean = k.divF(squares, k.constant(static_cast<float>(row.size)));
    Value eps = k.constant(static_cast<float>(op.getEps().convertToDouble()));
    Value root = op.getEpsInsideRoot() ? k.sqrt(k.addF(mean, eps)) : k.addF(k.sqrt(mean), eps);
    // A row of zeros gives zeros also where eps is 0.
    Value isZero = arith::CmpFOp::create(k.builder(), arith::CmpFPredicate::OEQ, root, k.constant(0.0f));
    Value factor = k.select(isZero, k.constant(0.0f), k.divF(k.constant(1.0f), root));
    row.forEachPiece([&](Value column) {
      Value scaled = k.mulF(load(column), k.broadcast(factor, row.width));
      k.store(k.mulF(scaled, k.load(op.getScale(), column, row.width)), op.getInit(), {row.token, column});
    });
  });
}

void mf::buildGPULayerNorm(LayerNormOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  forEachRow(
      k, strategy, op.getInit(), {op.getX(), op.getWeight(), op.getBias(), op.getInit()}, [&](const KernelRow &row) {
        auto load = [&](Value column) { return k.load(op.getX(), {row.token, column}, row.width); };
        Value count = k.constant(static_cast<float>(row.size));
        Value mean = k.divF(row.sum([&](Value sum, Value column) { return k.addF(sum, load(column)); }), count);
        auto loadCentred = [&](Value column) { return k.subF(load(column), k.broadcast(mean, row.width)); };
        Value squares = row.sum([&](Value sum, Value column) {
          Value centred = loadCentred(column);
          return k.fma(centred, centred, sum);
        });
        Value shifted = k.addF(k.divF(squares, count), k.constant(static_cast<float>(op.getEps().convertToDouble())));
        Value factor = k.divF(k.constant(1.0f), k.sqrt(shifted));
        row.forEachPiece([&](Value column) {
          Value normal = k.mulF(loadCentred(column), k.broadcast(factor, row.width));
          Value y = k.fma(normal, k.load(op.getWeight(), column, row.width), k.load(op.getBias(), column, row.width));
          k.store(y, op.getInit(), {row.token, column});
        });
      });
}

/// z / (1 + exp(-t)). Where exp overflows, the quotient is a zero of the sign of z.
static Value buildLogisticProduct(GPUKernelBuilder &k, Value z, Value minusT, int64_t width) {
  Value power = buildExp(k.builder(), z.getLoc(), minusT, /*fma=*/true);
  return k.divF(z, k.addF(power, k.constant(1.0f, width)));
}

/// The formulas of the CPU's kernel: (1 + tanh(t)) / 2 is the logistic function at 2 t.
static Value buildFunction(GPUKernelBuilder &k, ActivationKind kind, Value z, int64_t width) {
  auto constant = [&](float value) { return k.constant(value, width); };
  switch (kind) {
  case ActivationKind::GELU: {
    Value erf = buildErf(k.builder(), z.getLoc(), k.mulF(z, constant(0.70710678118f)), /*fma=*/true);
    return k.mulF(k.mulF(z, constant(0.5f)), k.addF(erf, constant(1.0f)));
  }
  case ActivationKind::GELUTanh: {
    constexpr float minusTwoRoots = -1.5957691216f; // -2 sqrt(2 / pi)
    Value inner = k.fma(k.mulF(z, z), constant(0.044715f), constant(1.0f));
    return buildLogisticProduct(k, z, k.mulF(k.mulF(z, constant(minusTwoRoots)), inner), width);
  }
  case ActivationKind::SiLU:
    return buildLogisticProduct(k, z, k.mulF(z, constant(-1.0f)), width);
  }
  llvm_unreachable("no other activation");
}

void mf::buildGPUActivation(ActivationOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  SmallVector<Value> memrefs(op->getOperands());
  forEachRow(k, strategy, op.getInit(), memrefs, [&](const KernelRow &row) {
    row.forEachPiece([&](Value column) {
      Value z = k.load(op.getX(), {row.token, column}, row.width);
      if (op.getBias())
        z = k.addF(z, k.load(op.getBias(), column, row.width));
      Value y = buildFunction(k, op.getKind(), z, row.width);
      if (op.getFactor())
        y = k.mulF(y, k.load(op.getFactor(), {row.token, column}, row.width));
      k.store(y, op.getInit(), {row.token, column});
    });
  });
}
