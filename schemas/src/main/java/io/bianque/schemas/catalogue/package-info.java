/**
 * The topics of the pipeline, from the one file that lists them.
 *
 * <p>{@code catalogue.yaml} is read strictly: what it says wrongly is refused with line and reason.
 * {@link io.bianque.schemas.catalogue.Topics} has only names and needs nothing but the JDK, for the
 * agent; reading the file needs a YAML parser and is for those who create topics or document them.
 */
package io.bianque.schemas.catalogue;
