// The module of a model: parameters, and the function around its blocks.
#include "BuildModel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

// The arguments before the caches.
static constexpr StringLiteral kInputs[] = {"tokens", "slots", "positions", "rows", "picks"};

// Likeliest tokens that a step tells of a pick.
static constexpr int64_t kBest = 1;
// Columns of the head that are looked through at once: the largest of these that divides the vocabulary, else the
// least.
static constexpr int64_t kRunColumns[] = {384, 256, 128};

StepBuilder::StepBuilder(ImplicitLocOpBuilder &builder, const ModelDescription &model)
    : builder(builder), model(model), config(model.config) {
  for (const ModelParameter &parameter : model.parameters)
    parameterTypes[parameter.name] = parameter.type;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value StepBuilder::parameter(const Twine &name) {
  std::string symbol = name.str();
  return GetParameterOp::create(builder, parameterTypes.lookup(symbol), symbol);
}

Value StepBuilder::empty(Value count, ArrayRef<int64_t> extents, Type elementType) {
  SmallVector<int64_t> shape = {ShapedType::kDynamic};
  llvm::append_range(shape, extents);
  return tensor::EmptyOp::create(builder, shape, elementType, ValueRange(count));
}

Value StepBuilder::embedding(Value ids, Value table, Value count) {
  Value init = empty(count, {config.hiddenSize}, builder.getF32Type());
  return EmbeddingOp::create(builder, init.getType(), ids, table, init, PanelLayoutAttr(), StrategyAttrInterface())
      .getResult(0);
}

Value StepBuilder::rmsNorm(Value x, const Twine &scale, Value count) {
  Value weight = parameter(scale);
  Value init = empty(count, {config.hiddenSize}, builder.getF32Type());
  return RMSNormOp::create(builder, init.getType(), x, weight, init, builder.getF64FloatAttr(config.rmsNormEps),
                           /*eps_inside_root=*/UnitAttr(), StrategyAttrInterface())
      .getResult(0);
}

Value StepBuilder::familyNorm(Value x, const Twine &prefix, Value count) {
  Value weight = parameter(prefix + ".weight");
  FloatAttr eps = builder.getF64FloatAttr(config.dense.normEps);
  if (config.family == ModelFamily::Llama) {
    Value init = empty(count, {config.hiddenSize}, builder.getF32Type());
    return RMSNormOp::create(builder, init.getType(), x, weight, init, eps, builder.getUnitAttr(),
                             StrategyAttrInterface())
        .getResult(0);
  }
  Value bias = parameter(prefix + ".bias");
  Value init = empty(count, {config.hiddenSize}, builder.getF32Type());
  return LayerNormOp::create(builder, init.getType(), x, weight, bias, init, eps, StrategyAttrInterface()).getResult(0);
}

Value StepBuilder::add(Value a, Value b) {
  Value init = empty({cast<ShapedType>(a.getType()).getDimSize(1)});
  return AddOp::create(builder, init.getType(), a, b, init, StrategyAttrInterface()).getResult(0);
}

Value StepBuilder::linear(Value x, Value weight, Value count) {
  Value init = empty(count, {cast<ShapedType>(weight.getType()).getDimSize(0)}, builder.getF32Type());
  return LinearOp::create(builder, init.getType(), x, weight, /*x_scales=*/Value(), /*weight_scales=*/Value(),
                          /*features=*/Value(), init, FeaturePruningAttr(), PanelLayoutAttr(), StrategyAttrInterface())
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

StepBuilder::Operand StepBuilder::makeOperand(const Twine &name, RankedTensorType type, ArrayRef<StringRef> dims,
                                              bool isState) {
  SmallVector<NamedAttribute> attributes = {builder.getNamedAttr("mf.name", builder.getStringAttr(name)),
                                            builder.getNamedAttr("mf.dims", builder.getStrArrayAttr(dims))};
  if (isState)
    attributes.push_back(builder.getNamedAttr("mf.state", builder.getUnitAttr()));
  return {type, builder.getDictionaryAttr(attributes)};
}

SmallVector<StepBuilder::Operand> StepBuilder::makeArguments() {
  auto indices = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  SmallVector<Operand> operands;
  for (StringRef name : kInputs)
    operands.push_back(
        makeOperand(name, indices, {name == "rows" || name == "picks" ? name : "tokens"}, /*isState=*/false));
  for (int64_t i = 0; i < config.numLayers; ++i)
    llvm::append_range(operands, makeStates(i));
  return operands;
}

/// Logits of the tokens that `rows` names; of all where it is null.
Value StepBuilder::buildHead(Value x, Value rows) {
  Value rowCount = tokenCount;
  if (rows) {
    rowCount = tensor::DimOp::create(builder, rows, 0);
    // Only some tokens need logits: the gather is an embedding in the activations.
    x = embedding(rows, x, rowCount);
  }
  Value norm = config.family == ModelFamily::MemoryFormer ? rmsNorm(x, finalNormName(config) + ".scale", rowCount)
                                                          : familyNorm(x, finalNormName(config), rowCount);
  return linear(norm, parameter(headName(config)), rowCount);
}

/// The likeliest tokens of each row of logits: their logits and ids.
std::pair<Value, Value> StepBuilder::buildBest(Value logits, Value count) {
  const int64_t *run = llvm::find_if(kRunColumns, [&](int64_t run) { return config.vocabulary % run == 0; });
  int64_t columns = run == std::end(kRunColumns) ? std::end(kRunColumns)[-1] : *run;
  int64_t runs = llvm::divideCeilSigned(config.vocabulary, columns);
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type();
  Value values = empty(count, {runs, kBest}, f32), ids = empty(count, {runs, kBest}, i32);
  auto ofRuns = TopKOp::create(builder, TypeRange{values.getType(), ids.getType()}, logits, values, ids, columns,
                               StrategyAttrInterface());
  values = empty(count, {kBest}, f32);
  ids = empty(count, {kBest}, i32);
  auto best = MergeTopKOp::create(builder, TypeRange{values.getType(), ids.getType()}, ofRuns.getResult(0),
                                  ofRuns.getResult(1), values, ids, columns, StrategyAttrInterface());
  return {best.getResult(0), best.getResult(1)};
}

void StepBuilder::inBlock(const Twine &name, llvm::function_ref<void()> build) {
  Block *body = builder.getBlock();
  Operation *before = &body->back();
  build();
  auto module = body->getParentOp()->getParentOfType<ModuleOp>();
  for (Operation *op = before->getNextNode(); op; op = op->getNextNode())
    if (auto value = dyn_cast<GetParameterOp>(op))
      module.lookupSymbol(value.getParameter())->setAttr("mf.block", builder.getStringAttr(name));
}

Block *StepBuilder::createFunction(StringRef name, ArrayRef<Operand> arguments, ArrayRef<Operand> results) {
  auto typeOf = [](const Operand &operand) -> Type { return operand.type; };
  auto type = builder.getFunctionType(llvm::to_vector(llvm::map_range(arguments, typeOf)),
                                      llvm::to_vector(llvm::map_range(results, typeOf)));
  auto function = func::FuncOp::create(builder, name, type);
  for (auto [index, operand] : llvm::enumerate(arguments))
    function.setArgAttrs(index, operand.attributes);
  for (auto [index, operand] : llvm::enumerate(results))
    function.setResultAttrs(index, operand.attributes);
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  return body;
}

Value StepBuilder::buildBlocks(Value tokens) {
  if (config.rotarySize() > 0)
    angles = parameter(rotaryAnglesName());
  SmallVector<Value> allStates(std::move(states)), newStates;
  ArrayRef<Value> rest = allStates;
  Value x;
  inBlock("embedding", [&] { x = embedding(tokens, parameter(embeddingName(config)), tokenCount); });
  for (layer = 0; layer < config.numLayers; ++layer) {
    size_t count = allStates.size() / config.numLayers;
    states.assign(rest.begin(), rest.begin() + count);
    rest = rest.drop_front(count);
    bool isMemory = config.layerKinds[layer] == LayerKind::Memory;
    inBlock("layers." + Twine(layer), [&] { x = isMemory ? buildMemoryBlock(x) : buildDenseBlock(x); });
    llvm::append_range(newStates, states);
  }
  states = std::move(newStates);
  return x;
}

void StepBuilder::buildStep() {
  SmallVector<Operand> arguments = makeArguments();
  auto logitsType = RankedTensorType::get({ShapedType::kDynamic, config.vocabulary}, builder.getF32Type());
  SmallVector<Operand> results = {makeOperand("logits", logitsType, {"rows", ""}, /*isState=*/false)};
  for (auto [name, element] :
       {std::pair("best_logits", Type(builder.getF32Type())), {"best_ids", builder.getI32Type()}})
    results.push_back(makeOperand(name, RankedTensorType::get({ShapedType::kDynamic, kBest}, element), {"picks", ""},
                                  /*isState=*/false));
  llvm::append_range(results, ArrayRef(arguments).drop_front(std::size(kInputs)));
  Block *body = createFunction("step", arguments, results);
  Value tokens = body->getArgument(0), rows = body->getArgument(3), picks = body->getArgument(4);
  slots = body->getArgument(1);
  positions = body->getArgument(2);
  tokenCount = tensor::DimOp::create(builder, tokens, 0);
  states.assign(body->getArguments().begin() + std::size(kInputs), body->getArguments().end());
  Value x = buildBlocks(tokens);
  SmallVector<Value> values;
  inBlock("head", [&] {
    values.push_back(buildHead(x, rows));
    auto [bestLogits, bestIds] = buildBest(buildHead(x, picks), tensor::DimOp::create(builder, picks, 0));
    values.append({bestLogits, bestIds});
  });
  llvm::append_range(values, states);
  func::ReturnOp::create(builder, values);
}

Value StepBuilder::countTokens() {
  Value init = tensor::EmptyOp::create(builder, ArrayRef<int64_t>{ShapedType::kDynamic}, builder.getI32Type(),
                                       ValueRange(tokenCount));
  auto body = [](OpBuilder &b, Location loc, ValueRange) {
    Value index = linalg::IndexOp::create(b, loc, 0);
    linalg::YieldOp::create(b, loc, arith::IndexCastOp::create(b, loc, b.getI32Type(), index).getResult());
  };
  return linalg::GenericOp::create(builder, init.getType(), /*inputs=*/ValueRange(), init,
                                   builder.getMultiDimIdentityMap(1), utils::IteratorType::parallel, body)
      .getResult(0);
}

void StepBuilder::buildForward() {
  auto tokensType = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  auto logitsType = RankedTensorType::get({ShapedType::kDynamic, config.vocabulary}, builder.getF32Type());
  Operand argument = makeOperand("tokens", tokensType, {"tokens"}, /*isState=*/false);
  Operand result = makeOperand("logits", logitsType, {"tokens", ""}, /*isState=*/false);
  Value tokens = createFunction("forward", argument, result)->getArgument(0);
  tokenCount = tensor::DimOp::create(builder, tokens, 0);
  if (config.rotarySize() > 0)
    positions = countTokens();
  Value x = buildBlocks(tokens), logits;
  inBlock("head", [&] { logits = buildHead(x, /*rows=*/Value()); });
  func::ReturnOp::create(builder, logits);
}

void StepBuilder::buildFunction() { config.attention.causal ? buildStep() : buildForward(); }

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

OwningOpRef<ModuleOp> mlir::mf::buildModel(MLIRContext *context, const ModelDescription &model) {
  auto location = [&](StringRef file) { return FileLineColLoc::get(context, file, 0, 0); };
  OwningOpRef<ModuleOp> module = ModuleOp::create(location(model.configFile));
  ImplicitLocOpBuilder builder(module->getLoc(), context);
  // Sessions append tokens, which only causal models can.
  if (model.config.attention.causal)
    (*module)->setAttr("mf.language_model",
                       LanguageModelAttr::get(context, model.name, model.config.vocabulary, model.config.maxPositions));
  (*module)->setAttr("mf.config", builder.getStringAttr(model.configText));

  builder.setInsertionPointToStart(module->getBody());
  for (const ModelParameter &parameter : model.parameters) {
    builder.setLoc(NameLoc::get(builder.getStringAttr(parameter.name), location(parameter.file)));
    ParameterOp::create(builder, parameter.name, parameter.type, parameter.source, LayoutAttrInterface(),
                        IntegerAttr());
  }
  builder.setLoc(module->getLoc());
  StepBuilder(builder, model).buildFunction();
  return module;
}
