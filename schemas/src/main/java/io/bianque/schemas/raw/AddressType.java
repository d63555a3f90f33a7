package io.bianque.schemas.raw;

import org.apache.avro.Schema;

/**
 * An IP address. Events were written before addresses were looked up in the table of networks, and
 * what is derived for them must not change: the type says that its addresses are.
 */
public final class AddressType {
  /** Property of the type beside {@code logicalType}. */
  public static final String LOCATED_PROPERTY = "located";

  private AddressType() {}

  /** Whether the enriched event has site and owner beside the address. */
  public static boolean isLocated(Schema type) {
    return Meaning.of(type).filter(meaning -> meaning == Meaning.IP_ADDRESS).isPresent()
        && Boolean.TRUE.equals(Meaning.notNull(type).getObjectProp(LOCATED_PROPERTY));
  }
}
