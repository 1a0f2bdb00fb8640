/** Prints the API's description (OpenAPI 3.1). Nothing is started and nothing is asked. */
import { describeApi } from "../api/description.ts";

console.log(JSON.stringify(describeApi("http://127.0.0.1:8787").document, null, 2));
