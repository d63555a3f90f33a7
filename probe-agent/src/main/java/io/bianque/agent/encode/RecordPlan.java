package io.bianque.agent.encode;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;

/**
 * How Java records become Avro: what an {@link EncodePlan} is for structs, for the few records of
 * probes without a program. Components and fields match by name, {@code rxDropped} is {@code
 * rx_dropped}; an {@link Optional} is nullable.
 *
 * <p>One thread encodes with a plan at a time.
 */
public final class RecordPlan {
  /** In a record of no CPU in particular. */
  private static final int NO_CPU = -1;

  private final List<Part> parts;
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);

  private record Header(long ktimeNanos, long sequence, AgentFields agent) {}

  /** Writes one field. */
  @FunctionalInterface
  private interface Part {
    void write(Record record, Header header, BinaryEncoder out) throws IOException;
  }

  /** Writes the value of one component. */
  @FunctionalInterface
  private interface Value {
    void write(Object value, BinaryEncoder out) throws IOException;
  }

  private RecordPlan(List<Part> parts) {
    this.parts = parts;
  }

  /** What records of that shape are published as: {@code netdev_hw} of {@code NetdevHw}. */
  public static String stream(Class<? extends Record> shape) {
    return snakeCase(shape.getSimpleName());
  }

  /**
   * Matches a shape with a schema.
   *
   * @throws PlanMismatch when they differ in anything, with all the differences
   */
  public static RecordPlan compile(Class<? extends Record> shape, Schema schema) {
    Map<String, RecordComponent> components = new LinkedHashMap<>();
    for (RecordComponent each : shape.getRecordComponents()) {
      components.put(snakeCase(each.getName()), each);
    }
    List<Part> parts = new ArrayList<>();
    List<String> refusals = new ArrayList<>();
    if (!schema.getName().equals(stream(shape))) {
      refusals.add("its name is not " + stream(shape));
    }
    for (Schema.Field field : schema.getFields()) {
      header(field.name())
          .or(() -> component(components.remove(field.name()), field.schema()))
          .ifPresentOrElse(
              parts::add,
              () ->
                  refusals.add(
                      "field %s (%s): the record has no component that fits"
                          .formatted(field.name(), field.schema())));
    }
    components.keySet().forEach(name -> refusals.add("it has no field " + name));
    if (!refusals.isEmpty()) {
      throw new PlanMismatch(
          "%s and schema %s differ: %s"
              .formatted(shape, schema.getFullName(), String.join("; ", refusals)));
    }
    return new RecordPlan(parts);
  }

  private static Optional<Part> header(String field) {
    return Optional.ofNullable(
        switch (field) {
          case "host_id" -> (_, header, out) -> out.writeFixed(header.agent.hostId);
          case "boot_id" -> (_, header, out) -> out.writeFixed(header.agent.bootId);
          case "epoch" -> (_, header, out) -> out.writeFixed(header.agent.epoch);
          case "cpu" -> (_, _, out) -> out.writeInt(NO_CPU);
          case "sequence" -> (_, header, out) -> out.writeLong(header.sequence);
          case "ktime_ns" -> (_, header, out) -> out.writeLong(header.ktimeNanos);
          case "time" ->
              (_, header, out) ->
                  out.writeLong(header.ktimeNanos + header.agent.clockOffsetNanos());
          default -> null;
        });
  }

  private static Optional<Part> component(RecordComponent component, Schema schema) {
    if (component == null) {
      return Optional.empty();
    }
    Method accessor = component.getAccessor();
    return value(component.getGenericType(), schema)
        .map(value -> (record, _, out) -> value.write(read(accessor, record), out));
  }

  private static Object read(Method accessor, Record record) {
    try {
      return accessor.invoke(record);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(accessor + " of a record that is not public", e);
    }
  }

  /** Empty when the type is not the one that the schema asks for. */
  private static Optional<Value> value(Type type, Schema schema) {
    boolean fits =
        switch (schema.getType()) {
          case INT -> type == int.class || type == Integer.class;
          case LONG -> type == long.class || type == Long.class;
          case STRING -> type == String.class;
          case ENUM -> type instanceof Class<?> of && symbols(of).equals(schema.getEnumSymbols());
          case UNION -> type instanceof ParameterizedType of && of.getRawType() == Optional.class;
          default -> false;
        };
    if (!fits) {
      return Optional.empty();
    }
    return switch (schema.getType()) {
      case INT -> Optional.of((value, out) -> out.writeInt((int) value));
      case LONG -> Optional.of((value, out) -> out.writeLong((long) value));
      case STRING -> Optional.of((value, out) -> out.writeString((String) value));
      case ENUM ->
          Optional.of(
              (value, out) -> out.writeEnum(schema.getEnumOrdinal(((Enum<?>) value).name())));
      default ->
          nullable(((ParameterizedType) type).getActualTypeArguments()[0], schema.getTypes());
    };
  }

  private static List<String> symbols(Class<?> type) {
    return type.isEnum()
        ? Arrays.stream(type.getEnumConstants()).map(each -> ((Enum<?>) each).name()).toList()
        : List.of();
  }

  private static Optional<Value> nullable(Type type, List<Schema> branches) {
    if (branches.size() != 2 || branches.getFirst().getType() != Schema.Type.NULL) {
      return Optional.empty();
    }
    return value(type, branches.getLast())
        .map(present ->
            (value, out) -> {
              Optional<?> optional = (Optional<?>) value;
              out.writeIndex(optional.isPresent() ? 1 : 0);
              if (optional.isPresent()) {
                present.write(optional.get(), out);
              }
            });
  }

  private static String snakeCase(String name) {
    return name.replaceAll("(?<=.)(?=\\p{Upper})", "_").toLowerCase(Locale.ROOT);
  }

  /** The Avro body of a record, as of a monotonic time. */
  public byte[] encode(Record record, long ktimeNanos, long sequence, AgentFields agent) {
    bytes.reset();
    Header header = new Header(ktimeNanos, sequence, agent);
    try {
      for (Part part : parts) {
        part.write(record, header, encoder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("a byte array refuses nothing", e);
    }
    return bytes.toByteArray();
  }
}
