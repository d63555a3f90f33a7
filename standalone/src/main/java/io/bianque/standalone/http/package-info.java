/**
 * Just enough HTTP to ask servers on loopback how they are: on {@code HttpURLConnection}, which
 * needs no threads and little memory, and Amazon's request signature for the object store.
 */
package io.bianque.standalone.http;
