package io.bianque.streams.rule;

import com.google.common.collect.Maps;
import com.google.protobuf.NullValue;
import dev.cel.common.values.CelByteString;
import java.nio.ByteBuffer;
import java.util.AbstractMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;

/**
 * An event as CEL sees it: each field by name, numbers as CEL's 64-bit ones. A field without a
 * value is null, a list without a value an empty list.
 */
final class EventView extends AbstractMap<String, Object> {
  private final IndexedRecord event;

  EventView(IndexedRecord event) {
    this.event = event;
  }

  @Override
  public boolean containsKey(Object field) {
    return field instanceof String name && event.getSchema().getField(name) != null;
  }

  @Override
  public Object get(Object field) {
    Schema.Field declared = event.getSchema().getField((String) field);
    return declared == null ? null : value(event.get(declared.pos()), declared.schema());
  }

  private static Object value(Object value, Schema schema) {
    return switch (value) {
      case null -> EventType.isList(schema) ? List.of() : NullValue.NULL_VALUE;
      case Integer i -> i.longValue();
      case Float f -> f.doubleValue();
      case ByteBuffer bytes -> bytes(bytes);
      case IndexedRecord nested -> new EventView(nested);
      case List<?> list -> list(list, schema);
      case Map<?, ?> map ->
          Maps.transformValues(map, v -> value(v, EventType.notNull(schema).getValueType()));
      case CharSequence text -> text.toString();
      default -> value;
    };
  }

  private static CelByteString bytes(ByteBuffer buffer) {
    byte[] copy = new byte[buffer.remaining()];
    buffer.duplicate().get(copy);
    return CelByteString.of(copy);
  }

  private static Object list(List<?> list, Schema schema) {
    Schema elements = EventType.notNull(schema).getElementType();
    // Text, the common case, is CEL's own already.
    return elements.getType() == Schema.Type.STRING
        ? list
        : list.stream().map(v -> value(v, elements)).toList();
  }

  /** Never asked by CEL; here because a map must have it. */
  @Override
  public Set<Entry<String, Object>> entrySet() {
    return Maps.asMap(
            new java.util.LinkedHashSet<>(
                event.getSchema().getFields().stream().map(Schema.Field::name).toList()),
            this::get)
        .entrySet();
  }
}
