package io.bianque.streams.network;

/**
 * A network of the table.
 *
 * @param cidr as it is written there
 * @param site null when the table does not say
 * @param owner null when the table does not say
 */
public record Network(String cidr, String site, String owner) {}
