/** Ends the process with one line when a port can't be had: `API_PORT 8787: listen EADDRINUSE …`. */
export function cantServe(variable: string, port: number | undefined): (error: Error) => never {
  return (error) => {
    console.error(`${variable} ${port}: ${error.message}`);
    process.exit(1);
  };
}
