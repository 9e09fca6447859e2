// Every verb of cresset, with the parts of this project among its own.
return await Cresset.Cli.CressetApp.Run(args);
