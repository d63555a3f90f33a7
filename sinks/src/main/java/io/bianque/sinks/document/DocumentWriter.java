package io.bianque.sinks.document;

import io.bianque.sinks.document.DocumentLayout.Branch;
import io.bianque.sinks.document.DocumentLayout.Constant;
import io.bianque.sinks.document.DocumentLayout.ConstantValue;
import io.bianque.sinks.document.DocumentLayout.Leaf;
import io.bianque.sinks.document.DocumentLayout.Node;
import io.bianque.sinks.document.Shape.ListOf;
import io.bianque.sinks.document.Shape.MapOf;
import io.bianque.sinks.document.Shape.Member;
import io.bianque.sinks.document.Shape.ObjectOf;
import io.bianque.sinks.document.Shape.Scalar;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;

/**
 * Writes the documents of one schema and one data stream: straight from the decoded record to
 * bytes, with no tree of maps between. A null field is absent, and so is an object of which nothing
 * is present.
 *
 * <p>Not for concurrent use: it remembers the text of the last second it wrote.
 */
public final class DocumentWriter {
  private static final DateTimeFormatter SECOND =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss", Locale.ROOT);

  private final DocumentLayout layout;
  private final List<Step> steps;
  private long second = Long.MIN_VALUE;
  private byte[] secondText = {};

  /** A node of the layout with its name, or its whole constant member, as bytes. */
  private sealed interface Step {}

  private record BranchStep(JsonBytes open, List<Step> children) implements Step {}

  private record LeafStep(JsonBytes key, int position, Shape shape) implements Step {}

  private record ConstantStep(JsonBytes member) implements Step {}

  public DocumentWriter(DocumentLayout layout, String namespace) {
    this.layout = layout;
    this.steps = steps(layout.roots(), layout, namespace);
  }

  public DocumentLayout layout() {
    return layout;
  }

  /** The document's id: unique over all probes, the same however often the event is delivered. */
  public CharSequence id(GenericRecord event) {
    return (CharSequence) event.get(layout.eventIdPosition());
  }

  /**
   * Appends the document as one JSON object, without a line end. The record has the layout's
   * schema.
   */
  public void write(GenericRecord event, JsonBytes out) {
    out.raw('{');
    write(steps, event, out);
    out.end('}').finish();
  }

  /**
   * The same with the member {@code _id} before all others, for where the id has no other place.
   */
  public void writeWithId(GenericRecord event, JsonBytes out) {
    out.ascii("{\"_id\":").string(id(event));
    write(steps, event, out);
    out.end('}').finish();
  }

  private void write(List<Step> steps, GenericRecord event, JsonBytes out) {
    for (Step step : steps) {
      switch (step) {
        case LeafStep leaf -> {
          Object value = event.get(leaf.position());
          if (value != null) {
            out.raw(leaf.key());
            value(leaf.shape(), value, out);
          }
        }
        case BranchStep branch -> {
          int start = out.length();
          out.raw(branch.open());
          int empty = out.length();
          write(branch.children(), event, out);
          if (out.length() == empty) {
            out.truncate(start);
          } else {
            out.end('}');
          }
        }
        case ConstantStep constant -> out.raw(constant.member());
      }
    }
  }

  private void value(Shape shape, Object value, JsonBytes out) {
    switch (shape) {
      case Scalar scalar -> scalar(scalar, value, out);
      case ListOf list -> {
        out.raw('[');
        for (Object item : (Collection<?>) value) {
          // A null in an array is nothing to an index, but dropping it would shift what follows.
          if (item == null) {
            out.ascii("null,");
          } else {
            value(list.items(), item, out);
          }
        }
        out.end(']');
      }
      case ObjectOf object -> {
        GenericRecord record = (GenericRecord) value;
        out.raw('{');
        for (Member member : object.members()) {
          Object memberValue = record.get(member.position());
          if (memberValue != null) {
            key(member.name(), out);
            value(member.shape(), memberValue, out);
          }
        }
        out.end('}');
      }
      case MapOf map -> {
        out.raw('{');
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
          if (entry.getValue() != null) {
            key((CharSequence) entry.getKey(), out);
            value(map.values(), entry.getValue(), out);
          }
        }
        out.end('}');
      }
    }
  }

  private static void key(CharSequence name, JsonBytes out) {
    out.string(name).finish().raw(':');
  }

  private void scalar(Scalar scalar, Object value, JsonBytes out) {
    switch (scalar) {
      // An Avro enum's symbol is no CharSequence.
      case KEYWORD, IP -> out.string(value instanceof CharSequence text ? text : value.toString());
      case HEX ->
          out.hex(
              value instanceof GenericFixed fixed
                  ? ByteBuffer.wrap(fixed.bytes())
                  : (ByteBuffer) value);
      case UNSIGNED -> out.string(Long.toUnsignedString((Long) value));
      case INTEGER, LONG -> out.number(((Number) value).longValue());
      case FLOAT -> out.number((Float) value);
      case DOUBLE -> out.number((Double) value);
      case BOOLEAN -> out.bool((Boolean) value);
      case NANOS -> time((Long) value, 1_000_000_000, 9, out);
      case MICROS -> time((Long) value, 1_000_000, 6, out);
      case MILLIS -> time((Long) value, 1_000, 3, out);
    }
  }

  /** ISO 8601 in UTC with every digit that the unit has. */
  private void time(long value, long perSecond, int digits, JsonBytes out) {
    long newSecond = Math.floorDiv(value, perSecond);
    if (newSecond != second) {
      second = newSecond;
      secondText =
          LocalDateTime.ofEpochSecond(newSecond, 0, ZoneOffset.UTC)
              .format(SECOND)
              .getBytes(StandardCharsets.US_ASCII);
    }
    out.raw('"')
        .raw(secondText)
        .raw('.')
        .padded(Math.floorMod(value, perSecond), digits)
        .ascii("Z\",");
  }

  private static List<Step> steps(List<Node> nodes, DocumentLayout layout, String namespace) {
    return nodes.stream().map(node -> step(node, layout, namespace)).toList();
  }

  private static Step step(Node node, DocumentLayout layout, String namespace) {
    JsonBytes bytes = new JsonBytes(64);
    key(node.name(), bytes);
    return switch (node) {
      case Branch branch ->
          new BranchStep(bytes.raw('{'), steps(branch.children(), layout, namespace));
      case Leaf leaf -> new LeafStep(bytes, leaf.position(), leaf.shape());
      case Constant constant ->
          new ConstantStep(bytes.string(text(constant.value(), layout, namespace)));
    };
  }

  private static String text(ConstantValue value, DocumentLayout layout, String namespace) {
    return switch (value) {
      case STREAM_TYPE -> "logs";
      case DATASET -> layout.dataset();
      case NAMESPACE -> namespace;
      case EVENT_KIND -> "event";
      case ECS -> DocumentLayout.ECS_VERSION;
    };
  }
}
