#include "onnx_writer.hpp"

#include <onnx/onnx_pb.h>

namespace peaberry::learn {
namespace {

class Graph {
 public:
  explicit Graph(onnx::GraphProto& graph) : graph_(graph) {}

  std::string floats(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
    auto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const auto size : shape) tensor.add_dims(size);
    tensor.set_raw_data(std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
    return name;
  }
  std::string ints(const std::string& name, const std::vector<std::int64_t>& values) {
    auto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<std::int64_t>(values.size()));
    tensor.set_raw_data(std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t)));
    return name;
  }
  onnx::NodeProto& node(const std::string& operation, const std::vector<std::string>& inputs, const std::string& output) {
    auto& node = *graph_.add_node();
    node.set_op_type(operation);
    node.set_name(output);
    for (const auto& input : inputs) node.add_input(input);
    node.add_output(output);
    return node;
  }
  static void attribute(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
  }

 private:
  onnx::GraphProto& graph_;
};

void describe_tensor(onnx::ValueInfoProto& info, const std::string& name, std::size_t columns) {
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("N");
  type.mutable_shape()->add_dim()->set_dim_value(static_cast<std::int64_t>(columns));
}

}  // namespace

Bytes write_onnx(const FeatureEncoder& encoder, const Network& network, const std::vector<std::string>& class_names) {
  onnx::ModelProto model;
  model.set_ir_version(7);
  model.set_producer_name("peaberry tabular-trainer");
  auto& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(13);
  auto& proto = *model.mutable_graph();
  proto.set_name("tabular");
  describe_tensor(*proto.add_input(), "X", encoder.columns.size());
  describe_tensor(*proto.add_output(), "probabilities", network.classes);
  Graph graph(proto);

  std::vector<std::int64_t> numeric, flagged;
  std::vector<float> medians, means, deviations;
  for (std::size_t i = 0; i < encoder.columns.size(); ++i) {
    const auto& column = encoder.columns[i];
    if (!column.numeric) continue;
    numeric.push_back(static_cast<std::int64_t>(i));
    medians.push_back(static_cast<float>(column.median));
    means.push_back(static_cast<float>(column.mean));
    deviations.push_back(static_cast<float>(column.deviation));
    if (column.missing_indicator) flagged.push_back(static_cast<std::int64_t>(i));
  }
  std::vector<std::string> parts;
  const auto gather = [&](const std::string& output, const std::string& indices) { Graph::attribute(graph.node("Gather", {"X", indices}, output), "axis", 1); };
  if (!numeric.empty()) {
    const auto count = static_cast<std::int64_t>(numeric.size());
    gather("numbers", graph.ints("numeric_columns", numeric));
    graph.node("IsNaN", {"numbers"}, "is_missing");
    graph.node("Where", {"is_missing", graph.floats("medians", {1, count}, medians), "numbers"}, "imputed");
    graph.node("Sub", {"imputed", graph.floats("means", {1, count}, means)}, "centred");
    graph.node("Div", {"centred", graph.floats("deviations", {1, count}, deviations)}, "scaled");
    parts.emplace_back("scaled");
  }
  if (!flagged.empty()) {
    gather("flagged", graph.ints("flagged_columns", flagged));
    graph.node("IsNaN", {"flagged"}, "flags_bool");
    Graph::attribute(graph.node("Cast", {"flags_bool"}, "flags"), "to", onnx::TensorProto::FLOAT);
    parts.emplace_back("flags");
  }
  for (std::size_t i = 0; i < encoder.columns.size(); ++i) {
    const auto& column = encoder.columns[i];
    if (column.numeric || column.categories.empty()) continue;
    const std::string tag = std::to_string(i);
    std::vector<float> codes(column.categories.size());
    for (std::size_t k = 0; k < codes.size(); ++k) codes[k] = static_cast<float>(k);
    gather("category_" + tag, graph.ints("category_column_" + tag, {static_cast<std::int64_t>(i)}));
    graph.node("Equal", {"category_" + tag, graph.floats("codes_" + tag, {1, static_cast<std::int64_t>(codes.size())}, codes)}, "equal_" + tag);
    Graph::attribute(graph.node("Cast", {"equal_" + tag}, "one_hot_" + tag), "to", onnx::TensorProto::FLOAT);
    parts.push_back("one_hot_" + tag);
  }
  Graph::attribute(graph.node("Concat", parts, "features"), "axis", 1);
  const auto gemm = [&](const std::string& input, const std::string& name, const std::vector<float>& w, const std::vector<float>& b, std::size_t inputs) {
    const auto outputs = static_cast<std::int64_t>(b.size());
    auto& node = graph.node("Gemm", {input, graph.floats(name + "_weights", {outputs, static_cast<std::int64_t>(inputs)}, w), graph.floats(name + "_bias", {outputs}, b)}, name);
    Graph::attribute(node, "transB", 1);
  };
  std::string top = "features";
  if (network.hidden != 0) {
    gemm("features", "hidden", network.w1, network.b1, network.inputs);
    graph.node("Relu", {"hidden"}, "hidden_relu");
    top = "hidden_relu";
  }
  gemm(top, "logits", network.w2, network.b2, network.hidden != 0 ? network.hidden : network.inputs);
  Graph::attribute(graph.node("Softmax", {"logits"}, "probabilities"), "axis", 1);

  json::Array classes;
  for (const auto& name : class_names) classes.push_back(json::Value(name));
  auto& meta = *model.add_metadata_props();
  meta.set_key("peaberry.schema");
  meta.set_value(json::stringify(json::Object{{"columns", encoder.describe()}, {"classes", classes}}));
  const std::string bytes = model.SerializeAsString();
  return to_bytes(bytes);
}

}  // namespace peaberry::learn
