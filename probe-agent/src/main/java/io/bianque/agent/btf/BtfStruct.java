package io.bianque.agent.btf;

import java.util.List;
import java.util.Optional;

/**
 * A struct or union with the members of its anonymous structs and unions lifted into it, as C's own
 * member lookup sees them.
 *
 * @param size in bytes
 * @param fields in the order of the source
 */
public record BtfStruct(String name, int size, List<BtfField> fields) {

  public Optional<BtfField> field(String fieldName) {
    return fields.stream().filter(f -> f.name().equals(fieldName)).findFirst();
  }
}
